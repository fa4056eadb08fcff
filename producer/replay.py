"""Where candles come from: a CSV file that is replayed. A source knows its symbol and where to go on; it does not judge."""

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
    """Where a replay goes on: after a line of the file, or, where the log's last candle is another file's, after its time."""

    after_line: int = 0
    after_open_time_ms: int | None = None
    other_source: str | None = None


def has_time(value: bytes) -> bool:
    """Whether a record of `candles` tells when its candle opened; garbage that others wrote doesn't."""
    return isinstance(read_origin(value).open_time_ms, int)


def resume_behind(last: bytes) -> Resume:
    """After the time of a record that `has_time`, whoever wrote it."""
    origin = read_origin(last)
    return Resume(after_open_time_ms=origin.open_time_ms, other_source=str(origin.source))


class CsvReplay:
    """A file's rows as candles of one symbol.

    The whole file is looked through first (`check`, constant memory), so that a file that is no good is refused before
    anything of it is sent. Raises CandleFileError then.
    """

    def __init__(self, path: Path, symbol: str | None = None) -> None:
        self.path = path
        self.symbol = symbol or candle_csv.symbol_of(path)
        self.summary = candle_csv.check_candles(path)
        self.name = path.name

    def wrote(self, value: bytes) -> bool:
        """Whether a record of `candles` says that it is a row of this file."""
        origin = read_origin(value)
        return origin.source == self.name and isinstance(origin.line, int)

    def resume(self, own: bytes) -> Resume | None:
        """After the line of a record that this file `wrote`; None where the line isn't there or tells of another minute, so that
        another file had this name.
        """
        last = read_origin(own)
        row = next(candle_csv.read_candles(self.path, after_line=last.line - 1), None)
        return Resume(after_line=row.line) if row and (row.line, row.open_time_ms) == (last.line, last.open_time_ms) else None

    def candles(self, resume: Resume) -> Iterator[CandleText]:
        """The rows from there on."""
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


_MAX_SLEPT_MS = 86_400_000
_log = logging.getLogger(__name__)


class Pace:
    """When a candle is due: event time, `speed` times as fast as real time; `inf` is at once.

    The first candle is due at once and starts the clock. A jump of more than a day, forward or back, is not waited for: the clock
    starts anew there, so that one row with an absurd time, which the consumer will judge, holds up nothing. `now` and `sleep` are
    arguments, so that a test drives them by hand.
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
        """Seconds until the candle is due; 0 or less where it is. To be asked in the order in which candles go."""
        if self._speed == inf:
            return 0.0
        if self._last_ms is None or abs(open_time_ms - self._last_ms) > _MAX_SLEPT_MS:
            self._start_s, self._start_ms = self._now(), open_time_ms
        self._last_ms = open_time_ms
        return self._start_s + (open_time_ms - self._start_ms) / 1_000 / self._speed - self._now()

    async def until_due(self, open_time_ms: int) -> None:
        """Return when it is."""
        if (wait_s := self.wait_s(open_time_ms)) > 0:
            await self._sleep(wait_s)


class Pump:
    """Replays files into a log. `sent` counts the rows of this run."""

    def __init__(self, log: Log, sources: Sequence[CsvReplay], pace: Pace, append_records: int) -> None:
        self._log, self._sources, self._pace, self._append_records = log, sources, pace, append_records
        self.sent = 0
        self.resumes: dict[str, Resume] = {}
        """By symbol: where it went on when this run began."""

    @property
    def found(self) -> int:
        """Rows of these files that the log had when this run began, as far as their lines tell."""
        return sum(max(resume.after_line - 1, 0) for resume in self.resumes.values())

    async def run(self) -> None:
        """Until the last row is on the log. Raises LogError, but for Unavailable: after that it looks at the log, and goes on."""
        await while_unavailable("replay", self._attempt, Random())  # noqa: S311  # no secret: jitter

    async def _attempt(self) -> None:
        name = "+".join(sorted(source.symbol for source in self._sources))
        async with self._log.appender(name) as appender:
            candles = merge(*[await self._rest(source, appender) for source in self._sources], key=lambda c: c.open_time_ms)
            async for batch in self._batches(candles):
                await appender.append([KeyValue(candle.symbol.encode(), encode_candle(candle)) for candle in batch])
                self.sent += len(batch)

    async def _rest(self, source: CsvReplay, appender: Appender) -> Iterator[CandleText]:
        key = source.symbol.encode()
        own = await appender.last(key, source.wrote)
        resume = source.resume(own.value) if own else None
        if resume is None:
            last = await appender.last(key, has_time)
            resume = resume_behind(last.value) if last else Resume()
        self.resumes.setdefault(source.symbol, resume)
        _log.info("replay of %s begins", source.name, extra={"symbol": source.symbol, **resume._asdict()})
        return source.candles(resume)

    async def _batches(self, candles: Iterator[CandleText]) -> AsyncIterator[list[CandleText]]:
        """The candles in bunches: those that are due with the first of them, `append_records` at most."""
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
