"""Replay of CSV files onto the log, at any speed, resumed where the log ends.

Rows are sent as they are: only the consumer judges whether a candle is valid.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from heapq import merge
from math import inf
from pathlib import Path
from random import Random
from typing import NamedTuple

from volcast.candle_files import reader as candle_csv
from volcast.core.codec import CandleText, encode_candle, read_origin
from volcast.log.contract import Appender, KeyValue, Log
from volcast.log.retry import while_unavailable


class Resume(NamedTuple):
    """Where a replay resumes: after a line of the file, or after a time if the log's last candle came from another source."""

    after_line: int = 0
    after_open_time_ms: int | None = None
    other_source: str | None = None


def has_time(value: bytes) -> bool:
    """Return whether a record of the topic `candles` has a readable opening time; a foreign record may have none."""
    return isinstance(read_origin(value).open_time_ms, int)


def resume_after_time(last: bytes) -> Resume:
    """Return the resume point after the time of a record that `has_time`, whichever source it came from."""
    origin = read_origin(last)
    return Resume(after_open_time_ms=origin.open_time_ms, other_source=str(origin.source))


class CsvReplay:
    """The rows of a CSV file as candles of one symbol.

    The whole file is checked first, in constant memory, so that nothing of an unusable file is sent. Raises CandleFileError if
    it is unusable.
    """

    def __init__(self, path: Path, symbol: str | None = None) -> None:
        self.path = path
        self.symbol = symbol or candle_csv.symbol_of(path)
        self.summary = candle_csv.check_candles(path)
        self.name = path.name

    def has_written(self, value: bytes) -> bool:
        """Return whether a record of the topic `candles` names this file as its source."""
        origin = read_origin(value)
        return origin.source == self.name and isinstance(origin.line, int)

    def resume(self, own: bytes) -> Resume | None:
        """Return the resume point after the line of a record that this file `has_written`.

        Return None if the file has no such line, or a candle of another minute there: then the record came from another file of
        the same name.
        """
        last = read_origin(own)
        row = next(candle_csv.read_candles(self.path, after_line=last.line - 1), None)
        return Resume(after_line=row.line) if row and (row.line, row.open_time_ms) == (last.line, last.open_time_ms) else None

    def candles(self, resume: Resume) -> Iterator[CandleText]:
        """Yield the candles behind the resume point."""
        for row in candle_csv.read_candles(self.path, after_line=resume.after_line):
            if resume.after_open_time_ms is None or row.open_time_ms > resume.after_open_time_ms:
                yield CandleText(
                    self.symbol,
                    row.open_time_ms,
                    row.open,
                    row.high,
                    row.low,
                    row.close,
                    row.volume,
                    row.quote_volume,
                    self.name,
                    "file",
                    line=row.line,
                )


_MAX_WAIT_MS = 86_400_000
_log = logging.getLogger(__name__)


class Pace:
    """Decides when a candle is due: event time passes `speed` times as fast as real time, with `inf` at once.

    The first candle is due at once and starts the clock. A jump of more than a day, forward or back, restarts the clock instead
    of being waited for, so that a row with an absurd time, which the consumer will judge, does not stop the replay. `now` and
    `sleep` are arguments so that a test can control them.
    """

    def __init__(
        self,
        speed: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._speed, self._now, self._sleep = speed, now, sleep
        self._start_s, self._start_ms = 0.0, 0
        self._last_ms: int | None = None

    def wait_s(self, open_time_ms: int) -> float:
        """Return the seconds until the candle is due, 0 or less if it is due. Call it with candles in the order of sending."""
        if self._speed == inf:
            return 0.0
        if self._last_ms is None or abs(open_time_ms - self._last_ms) > _MAX_WAIT_MS:
            self._start_s, self._start_ms = self._now(), open_time_ms
        self._last_ms = open_time_ms
        return self._start_s + (open_time_ms - self._start_ms) / 1_000 / self._speed - self._now()

    async def until_due(self, open_time_ms: int) -> None:
        """Return when the candle is due."""
        if (wait_s := self.wait_s(open_time_ms)) > 0:
            await self._sleep(wait_s)


class Pump:
    """Replays files onto a log. `sent` is the number of rows that this run has sent."""

    def __init__(self, log: Log, sources: Sequence[CsvReplay], pace: Pace, append_records: int) -> None:
        self._log, self._sources, self._pace, self._append_records = log, sources, pace, append_records
        self.sent = 0
        self.resumes: dict[str, Resume] = {}
        """The resume point of each symbol when this run began."""

    @property
    def already_sent(self) -> int:
        """Rows of these files that were on the log when this run began, as far as their line numbers show."""
        return sum(max(resume.after_line - 1, 0) for resume in self.resumes.values())

    async def run(self) -> None:
        """Replay until the last row is on the log. After Unavailable it resumes where the log ends; it raises other LogErrors."""
        await while_unavailable("replay", self._attempt, Random())  # noqa: S311  # no secret: jitter

    async def _attempt(self) -> None:
        name = "+".join(sorted(source.symbol for source in self._sources))
        async with self._log.appender(name) as appender:
            candles = merge(*[await self._remaining(source, appender) for source in self._sources], key=lambda c: c.open_time_ms)
            async for batch in self._batches(candles):
                await appender.append([KeyValue(candle.symbol.encode(), encode_candle(candle)) for candle in batch])
                self.sent += len(batch)

    async def _remaining(self, source: CsvReplay, appender: Appender) -> Iterator[CandleText]:
        key = source.symbol.encode()
        own = await appender.last(key, source.has_written)
        resume = source.resume(own.value) if own else None
        if resume is None:
            last = await appender.last(key, has_time)
            resume = resume_after_time(last.value) if last else Resume()
        self.resumes.setdefault(source.symbol, resume)
        _log.info("replay of %s begins", source.name, extra={"symbol": source.symbol, **resume._asdict()})
        return source.candles(resume)

    async def _batches(self, candles: Iterator[CandleText]) -> AsyncIterator[list[CandleText]]:
        """Yield batches of at most `append_records` candles that are due together."""
        batch: list[CandleText] = []
        for candle in candles:
            if batch and (len(batch) == self._append_records or self._pace.wait_s(candle.open_time_ms) > 0):
                yield batch
                batch = []
            if not batch:
                await self._pace.until_due(candle.open_time_ms)
            batch.append(candle)
        if batch:
            yield batch
