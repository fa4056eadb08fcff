"""The live producer of one venue: streams in, records of `candles` out, for months.

    sockets ─► Line ─► Feed.parse ─► Desk ─► Series ─► Outbox ─► log
                 ▲                      ▲        │
                Lane (reconnects)       └─ Keeper (asks over HTTP for what is missing)

Start, restart and a log that was away are one path: it goes on behind the log's last candle of each symbol, and what was
missed is asked for. Nothing is kept in memory that the log does not have.
"""

import asyncio
import logging
import zlib
from collections.abc import Callable, Coroutine, Mapping
from random import Random
from time import time
from typing import Any, NamedTuple

from producer.feeds.contract import Feed
from producer.rest.client import RestClient, RestError
from volcast.core.types import MINUTE_MS
from volcast.log.contract import Appender, KeyValue, Log
from volcast.log.retry import while_unavailable
from volcast.pacing import Pacer

from .append_queue import AppendQueue
from .backfill import Backfiller
from .connection import Endpoint
from .dispatch import Dispatcher
from .reconnect import Reconnector
from .resume import ResumePoint, ResumePointReader
from .sequencer import CandleSequencer, Deadlines
from .stats import LiveStats
from .subscription import Subscription

FIRST_ANSWER_TIMEOUT_S = 10.0
"""After a minute's end, for its live candle."""
_ROUNDING_S = 1.5
"""A venue's time in an answer is told in whole seconds: who asks at once after the settling time asks twice."""
_TURNS = 3.0
_RETRY_MS = 5_000
_MEASURE_EVERY_S = 600.0
_MEASURE_AGAIN_S = 30.0
_MAX_NAME = 60
_log = logging.getLogger(__name__)


class LiveConfig(NamedTuple):
    """What the user asked for."""

    symbols: Mapping[str, str]
    """Symbol on the log -> pair as the venue spells it."""
    backfill_minutes: int = 1_560
    """What a symbol begins with that the log has nothing of."""
    backfill_budget_s: float = 60.0
    twin: str | None = None
    """The name of this producer, where another one of the same streams runs beside it."""


class LiveProducer:
    """One venue's producer. `rest` asks over HTTP; both it and the log are the caller's to open and close."""

    def __init__(
        self,
        log: Log,
        feed: Feed,
        wish: LiveConfig,
        place: Endpoint,
        rest: RestClient,
        *,
        append_records: int,
        random: Random,
        wall: Callable[[], float] = time,
    ) -> None:
        self.tally = LiveStats()
        self.streams: Mapping[str, Subscription] = {}
        """By pair, since the log's last candles are known."""
        self.lanes: list[Reconnector] = []
        self.outbox: AppendQueue | None = None
        self.feed, self.rest = feed, rest
        self._log, self._wish, self._place = log, wish, place
        self._append_records, self._random, self._wall = append_records, random, wall
        self._pacer = Pacer(feed.limits.connect_every_s)
        self._queue_s = _TURNS * len(wish.symbols) / feed.limits.requests_per_s
        """All symbols may ask at once, and the venue bears so many questions a second: waiting for one's turn is no refusal."""
        self._waits = Deadlines(
            settle=int((feed.limits.settle_s + _ROUNDING_S) * 1_000),
            patience=int(max(FIRST_ANSWER_TIMEOUT_S, feed.limits.settle_s + _ROUNDING_S) * 1_000),
            budget=int(max(wish.backfill_budget_s, self._queue_s) * 1_000),
            retry=_RETRY_MS,
        )

    async def run(self) -> None:
        """Until cancelled. Raises LogError where only a person can help, Fenced where another took over, UnknownPair."""
        await while_unavailable(f"live {self.feed.name}", self._attempt, self._random)

    async def _attempt(self) -> None:
        try:
            async with self._log.appender(self._name()) as appender:
                await self._produce(appender)
        finally:
            self.lanes, self.outbox = [], None  # while the log is away, nothing stands still

    async def _produce(self, appender: Appender) -> None:
        outbox = self.outbox = AppendQueue(appender, self._append_records)
        streams = [await self._stream(symbol, pair, appender, outbox.put) for symbol, pair in self._wish.symbols.items()]
        desk = Dispatcher(self.feed.name, streams, self.rest.clock, tally=self.tally, wall=self._wall)
        self.streams = desk.streams
        self.lanes = self._lanes(desk)
        keeper = Backfiller(
            self.rest, outbox, lambda: [line for lane in self.lanes for line in lane.lines], queue_s=self._queue_s
        )
        await _all_or_none(
            outbox.run(),
            self._measure(),
            *(lane.run() for lane in self.lanes),
            *(keeper.keep(stream) for stream in streams),
        )

    def _name(self) -> str:
        """Of the appender: a second producer of the same streams takes over from the first, unless it is its twin."""
        symbols = "+".join(sorted(self._wish.symbols))
        if len(symbols) > _MAX_NAME:
            symbols = f"{len(self._wish.symbols)}-{zlib.crc32(symbols.encode()):08x}"
        return "-".join(["live", self.feed.name, symbols, *([self._wish.twin] if self._wish.twin else [])])

    async def _stream(self, symbol: str, pair: str, appender: Appender, put: Callable[[list[KeyValue]], None]) -> Subscription:
        now_ms = self.rest.clock.now_ms()
        recall = ResumePointReader(now_ms)
        await appender.last(symbol.encode(), recall)
        position = recall.result()
        if position is None:
            first_ms = (now_ms // MINUTE_MS - self._wish.backfill_minutes) * MINUTE_MS
            position = ResumePoint(first_ms, None, is_new=True)
        _log.info("live begins", extra={"symbol": symbol, "from_ms": position.next_ms})
        series = CandleSequencer(position, self._waits, tells_empty_minutes=self.feed.tells_empty_minutes)
        return Subscription(symbol, pair, self.feed.name, series, put, self.tally)

    def _lanes(self, desk: Dispatcher) -> list[Reconnector]:
        pairs, most = list(desk.streams), self.feed.limits.pairs_per_connection
        groups = [pairs[first : first + most] for first in range(0, len(pairs), most)]
        return [
            Reconnector(
                self.feed,
                {pair: desk.streams[pair].rhythm for pair in group},
                self._place,
                desk.hear,
                self.rest.clock,
                pacer=self._pacer,
                random=self._random,
                tally=self.tally,
            )
            for group in groups
        ]

    async def _measure(self) -> None:
        """The venue's clock, again and again: clocks drift."""
        while True:
            try:
                await self.rest.measure_clock()
            except RestError as refused:
                _log.warning("clock not measured: %s", refused, extra={"venue": self.feed.name})
                await asyncio.sleep(_MEASURE_AGAIN_S)
            else:
                await asyncio.sleep(_MEASURE_EVERY_S)


async def _all_or_none(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one fails; then end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in done:
        task.result()
