"""Rejects as a table, as lines or as JSON. What is kept of them is bounded: the last few of each partition, or none."""

from base64 import b64encode
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import aclosing

import click
import msgspec
from rich.console import Console

from volcast.cli.tables import line_of, print_rows
from volcast.core.codec import Reject
from volcast.core.decoder import MAX_KEPT_BYTES
from volcast.log.contract import Log

from .read import RejectFilter, Seen, read_rejects

_COLUMNS = ("partition", "offset", "symbol", "reason", "where", "detail")


class Listing:
    """One listing of the `selection`: the last `limit` of each partition, or all of them as they come."""

    def __init__(self, selection: RejectFilter, limit: int | None, console: Console, *, as_json: bool) -> None:
        self._selection, self._limit, self._console, self._as_json = selection, limit, console, as_json
        self._columns_are_there = as_json

    async def show(self, log: Log) -> None:
        """Print them; then on standard error what there was in sum. Raises Unavailable."""
        seen, last = Seen(), defaultdict[int, deque[Reject]](lambda: deque(maxlen=self._limit))
        async with aclosing(read_rejects(log, self._selection, seen)) as rejects:
            async for reject in rejects:
                if self._limit is None:
                    self._echo(reject)
                else:
                    last[_number(reject.partition)].append(reject)
        self._show(reject for _, rejects in sorted(last.items()) for reject in rejects)
        for sentence in seen.sentences():
            click.echo(sentence, err=True)
        shown = sum(map(len, last.values()))
        if self._limit is not None and shown < seen.reasons.total():
            click.echo(f"shown are the last {shown}; --limit shows more", err=True)

    def _show(self, rejects: Iterator[Reject]) -> None:
        if self._as_json or not self._console.is_terminal:
            for reject in rejects:
                self._echo(reject)
        elif rows := [row_of(reject) for reject in rejects]:
            print_rows(_COLUMNS, rows, self._console)

    def _echo(self, reject: Reject) -> None:
        if not self._columns_are_there:
            click.echo(line_of(_COLUMNS))
            self._columns_are_there = True
        click.echo(reject_as_json(reject) if self._as_json else line_of(row_of(reject)))


def row_of(reject: Reject) -> tuple[str, ...]:
    """As the columns say; empty where the record does not tell."""
    where = (reject.source or "") + ("" if reject.line is None else f":{reject.line}")
    place = ("" if number is None else str(number) for number in (reject.partition, reject.offset))
    return (*place, reject.symbol or "", reject.reason.value, where, reject.detail)


def reject_as_json(reject: Reject) -> bytes:
    """One line."""
    fields = {
        "partition": reject.partition,
        "offset": reject.offset,
        "symbol": reject.symbol,
        "reason": reject.reason,
        "source": reject.source,
        "line": reject.line,
        "detail": reject.detail,
        "key": b64encode(reject.key).decode(),
        "value": b64encode(reject.value).decode(),
        "cut": is_cut(reject),
        "text": _text(reject.value),
    }
    return msgspec.json.encode(fields)


def is_cut(reject: Reject) -> bool:
    """Only the beginning of the original was kept."""
    return max(len(reject.key), len(reject.value)) >= MAX_KEPT_BYTES


def _text(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _number(partition: int | None) -> int:
    """Those that don't tell come first."""
    return -1 if partition is None else partition
