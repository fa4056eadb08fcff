"""Prints rejects as a table, as lines or as JSON, in bounded memory: at most the last few of each partition are kept."""

from base64 import b64encode
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import aclosing

import click
import msgspec
from rich.console import Console

from volcast.cli.tables import print_rows, tab_separated
from volcast.core.codec import Reject, is_cut
from volcast.log.contract import Log

from .read import RejectCounts, RejectFilter, read_rejects

_COLUMNS = ("partition", "offset", "symbol", "reason", "where", "detail")


class RejectListing:
    """Lists the rejects of a selection: the last `limit` of each partition, or all of them as they are read."""

    def __init__(self, selection: RejectFilter, limit: int | None, console: Console, *, as_json: bool) -> None:
        self._selection, self._limit, self._console, self._as_json = selection, limit, console, as_json
        self._header_printed = as_json

    async def show(self, log: Log) -> None:
        """Print the rejects, and on standard error a summary. Raises Unavailable."""
        counts, last = RejectCounts(), defaultdict[int, deque[Reject]](lambda: deque(maxlen=self._limit))
        async with aclosing(read_rejects(log, self._selection, counts)) as rejects:
            async for reject in rejects:
                if self._limit is None:
                    self._echo(reject)
                else:
                    last[_sort_key(reject.partition)].append(reject)
        self._show(reject for _, rejects in sorted(last.items()) for reject in rejects)
        for line in counts.summary():
            click.echo(line, err=True)
        shown = sum(map(len, last.values()))
        if self._limit is not None and shown < counts.reasons.total():
            click.echo(f"showing the last {shown}; use --limit to show more", err=True)

    def _show(self, rejects: Iterator[Reject]) -> None:
        if self._as_json or not self._console.is_terminal:
            for reject in rejects:
                self._echo(reject)
        elif rows := [row_of(reject) for reject in rejects]:
            print_rows(_COLUMNS, rows, self._console)

    def _echo(self, reject: Reject) -> None:
        if not self._header_printed:
            click.echo(tab_separated(_COLUMNS))
            self._header_printed = True
        click.echo(reject_as_json(reject) if self._as_json else tab_separated(row_of(reject)))


def row_of(reject: Reject) -> tuple[str, ...]:
    """Return the cells of a reject, as in `_COLUMNS`; a cell is empty if the record lacks that field."""
    where = (reject.source or "") + ("" if reject.line is None else f":{reject.line}")
    position = ("" if number is None else str(number) for number in (reject.partition, reject.offset))
    return (*position, reject.symbol or "", reject.reason.value, where, reject.detail)


def reject_as_json(reject: Reject) -> bytes:
    """Return the reject as one JSON object, with its original bytes in base64."""
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


def _text(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _sort_key(partition: int | None) -> int:
    """Return a key that sorts rejects without a partition first."""
    return -1 if partition is None else partition
