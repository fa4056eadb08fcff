"""Where a replay resumes: the log says which rows it has, and the files must continue them.

Each replayed candle carries `content`, a hash of all rows of its symbol up to this one. So the last candle on the log identifies
everything that was replayed before it, whatever the files were called. What does not continue it is refused: a file that was
changed, an older month after a newer one, or another file of the same name would give the numbers of neither.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from volcast.candle_files.contract import CandleFileError
from volcast.core.codec import MAX_TIME_MS, MIN_TIME_MS, UNDECODABLE, ReplayedCandleText
from volcast.log.contract import Appender

from .csv_replay import SymbolReplay, is_jump
from .file_names import is_simulated

_ROWS_PER_TURN = 1_000
"""Rows that are read before other tasks of the event loop get their turn."""


class NotContinuedError(CandleFileError):
    """The log has candles of a symbol that the files do not continue: one sentence for the user."""


class Resume(NamedTuple):
    """Where a symbol's replay resumes."""

    rows: int = 0
    """Rows of the files that the log has."""
    follows: str | None = None
    """The source of the log's last candle before the files begin, if it has one."""
    follows_open_time_ms: int | None = None


class _OnLog(Struct, frozen=True):
    """What is read of a record of `candles`; a foreign one may have anything in these fields."""

    open_time_ms: Any = None
    close: Any = None
    source: Any = None
    content: Any = None
    quote_volume: Any = None


_decoder = msgspec.json.Decoder(_OnLog)


def _read(value: bytes) -> _OnLog:
    try:
        return _decoder.decode(value)
    except UNDECODABLE:
        return _OnLog()


def _has_time(value: bytes) -> bool:
    """Return whether the record has a time that the consumer may accept."""
    time_ms = _read(value).open_time_ms
    return type(time_ms) is int and MIN_TIME_MS <= time_ms < MAX_TIME_MS


def _is_replayed(value: bytes) -> bool:
    return _has_time(value) and isinstance(_read(value).content, str)


async def resume(replay: SymbolReplay, appender: Appender) -> tuple[Resume, Iterator[ReplayedCandleText]]:
    """Return where the symbol's replay resumes, and the candles that remain. Raises NotContinuedError."""
    key, first_ms = replay.symbol.encode(), replay.sources[0].summary.first_open_time_ms
    last = await appender.last(key, _is_replayed) or await appender.last(key, _has_time)
    if last is None:
        return Resume(), replay.candles()
    end = _read(last.value)
    if isinstance(end.content, str) and (found := await _after(replay.candles(), end.content)):
        return found
    if first_ms > end.open_time_ms:
        _check_simulated(replay, end)
        _check_jump(replay, end)
        await _check_volumes(replay, end, appender)
        content = end.content if isinstance(end.content, str) else ""
        return Resume(0, str(end.source), end.open_time_ms), replay.candles(content)
    before = await appender.last(key, lambda value: _is_replayed(value) and _read(value).open_time_ms < first_ms)
    if before and (found := await _after(replay.candles(_read(before.value).content), str(end.content))):
        follows = _read(before.value)
        return found[0]._replace(follows=str(follows.source), follows_open_time_ms=follows.open_time_ms), found[1]
    raise NotContinuedError(
        f"{replay.names}: the log already has other candles of {replay.symbol}, from {end.source}, up to "
        f"{_time(end.open_time_ms)}, which these rows do not continue; choose another log or give another --symbol."
    )


async def _after(candles: Iterator[ReplayedCandleText], content: str) -> tuple[Resume, Iterator[ReplayedCandleText]] | None:
    """Return the candles after the one of this content; None if there is no such candle."""
    for rows, candle in enumerate(candles, start=1):
        if candle.content == content:
            return Resume(rows), candles
        if rows % _ROWS_PER_TURN == 0:
            await asyncio.sleep(0)
    return None


def _check_simulated(replay: SymbolReplay, end: _OnLog) -> None:
    """Raise NotContinuedError if invented candles would continue those of a market, or the reverse, as far as names say it."""
    first = replay.sources[0]
    if is_simulated(first.name) != (on_log := is_simulated(str(end.source))):
        ours, theirs = ("real ones", "simulated") if on_log else ("simulated ones", "real")
        raise NotContinuedError(
            f"{first.path}: the log's candles of {replay.symbol}, from {end.source}, are {theirs}, and {ours} must not be "
            "mixed with them; choose another log or give another --symbol."
        )


def _check_jump(replay: SymbolReplay, end: _OnLog) -> None:
    """Raise NotContinuedError if the price jumps from the end of another replay to the beginning of this one."""
    first = replay.sources[0]
    passed_ms = first.summary.first_open_time_ms - end.open_time_ms
    if not first.named and isinstance(end.content, str) and is_jump(str(end.close), first.summary.first_open, passed_ms):
        raise NotContinuedError(
            f"{first.path}: its price begins at {first.summary.first_open}, but the log's candles of {replay.symbol}, from "
            f"{end.source}, end at {end.close}; if these are two markets, give --symbol or choose another log."
        )


async def _check_volumes(replay: SymbolReplay, end: _OnLog, appender: Appender) -> None:
    """Raise NotContinuedError if only the log's candles have volumes, or only these: see `SymbolReplay.leave_out_overlaps`."""
    first = replay.sources[0]
    on_log = await appender.last(replay.symbol.encode(), _has_volume) is not None
    if first.summary.has_volume != on_log:
        which = "have volumes, but these rows do not" if on_log else "have no volumes, but these rows do"
        raise NotContinuedError(
            f"{first.path}: the log's candles of {replay.symbol}, from {end.source}, {which}; choose another log."
        )


def _has_volume(value: bytes) -> bool:
    try:
        return _has_time(value) and 0 < float(_read(value).quote_volume) < inf
    except (TypeError, ValueError):
        return False


def _time(time_ms: int) -> str:
    try:
        return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return f"{time_ms} ms since 1970"
