"""Replay of CSV files onto the log, at any speed, resumed where the log ends.

Rows are sent as they are: only the consumer judges whether a candle is valid.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from heapq import merge
from math import inf
from random import Random

from volcast.core.codec import CandleText, encode_candle
from volcast.log.contract import Appender, KeyValue, Log
from volcast.log.retry import while_unavailable

from .csv_replay import CsvReplay, SymbolReplay, by_symbol
from .resume import Resume, resume

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
        self._log, self._pace, self._append_records = log, pace, append_records
        self._replays = by_symbol(sources)
        self.sent = 0
        self.resumes: dict[str, Resume] = {}
        """Where each symbol's replay resumed when this run began."""

    @property
    def already_sent(self) -> int:
        """Rows of these files that were on the log when this run began."""
        return sum(found.rows for found in self.resumes.values())

    async def run(self) -> None:
        """Replay until the last row is on the log. After Unavailable it resumes where the log ends; it raises other LogErrors.

        Raises NotContinuedError before anything is sent if the log has candles of a symbol that its files do not continue.
        """
        await while_unavailable("replay", self._attempt, Random())  # noqa: S311  # no secret: jitter

    async def _attempt(self) -> None:
        name = "+".join(sorted(replay.symbol for replay in self._replays))
        async with self._log.appender(name) as appender:
            remaining = [await self._remaining(replay, appender) for replay in self._replays]
            async for batch in self._batches(merge(*remaining, key=lambda candle: candle.open_time_ms)):
                await appender.append([KeyValue(candle.symbol.encode(), encode_candle(candle)) for candle in batch])
                self.sent += len(batch)

    async def _remaining(self, replay: SymbolReplay, appender: Appender) -> Iterator[CandleText]:
        found, candles = await resume(replay, appender)
        self.resumes.setdefault(replay.symbol, found)
        _log.info("replay of %s begins", replay.names, extra={"symbol": replay.symbol, **found._asdict()})
        return candles

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
