"""The live producer of one venue: streams in, records of the topic `candles` out, for months.

    websockets ─► Connection ─► Feed.parse ─► Dispatcher ─► CandleSequencer ─► AppendQueue ─► log
                      ▲                                           ▲
                 Reconnector                  Backfiller (asks over HTTP for what is missing)

A start, a restart and the end of a log's outage are one path: the producer resumes after the log's last candle of each symbol,
and asks for what it has missed. It keeps no state that the log does not have.
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
from volcast.timing.pacing import Pacer

from .append_queue import AppendQueue
from .backfill import Backfiller
from .connection import Endpoint
from .dispatch import Dispatcher
from .reconnect import Reconnector
from .resume import ResumePoint, ResumePointReader
from .sequencer import CandleSequencer, Deadlines
from .subscription import LiveStats, Subscription

LIVE_CANDLE_TIMEOUT_S = 10.0
"""How long after a minute's end its live candle is awaited."""
_ROUNDING_S = 1.5
"""Added to the settling time: venues round the time in their answers to seconds, so a request at that moment is too early."""
_TURNS = 3.0
"""A gap's budget holds so many rounds of requests of all symbols, at the venue's pace."""
_RETRY_MS = 5_000
_MEASURE_CLOCK_EVERY_S = 600.0
_MEASURE_CLOCK_RETRY_S = 30.0
_MAX_NAME = 60
_log = logging.getLogger(__name__)


class LiveConfig(NamedTuple):
    """What the user has asked for."""

    symbols: Mapping[str, str]
    """Symbols as on the log -> pairs as the venue spells them."""
    backfill_minutes: int = 1_560
    """How much of the past is fetched of a symbol of which the log has nothing."""
    backfill_budget_s: float = 60.0
    """How long candles wait for a gap before them to be filled, at least."""
    twin: str | None = None
    """A name of this producer, if another one of the same streams runs beside it."""


class LiveProducer:
    """The producer of one venue. The caller opens and closes the log and the HTTP client of `rest`."""

    def __init__(
        self,
        log: Log,
        feed: Feed,
        config: LiveConfig,
        endpoint: Endpoint,
        rest: RestClient,
        *,
        append_records: int,
        random: Random,
        wall: Callable[[], float] = time,
    ) -> None:
        """`wall` is this machine's clock, in seconds since 1970."""
        self.stats = LiveStats()
        self.subscriptions: Mapping[str, Subscription] = {}
        """By pair; empty until the log's last candles are known."""
        self.reconnectors: list[Reconnector] = []
        self.queue: AppendQueue | None = None
        self.feed, self.rest = feed, rest
        self._log, self._config, self._endpoint = log, config, endpoint
        self._append_records, self._random, self._wall = append_records, random, wall
        self._pacer = Pacer(feed.limits.connect_every_s)
        self._max_turn_wait_s = _TURNS * len(config.symbols) / feed.limits.requests_per_s
        """All symbols may ask at once, while the venue allows so many requests a second: a wait for one's turn is no failure."""
        self._deadlines = Deadlines(
            settle=int((feed.limits.settle_s + _ROUNDING_S) * 1_000),
            timeout=int(max(LIVE_CANDLE_TIMEOUT_S, feed.limits.settle_s + _ROUNDING_S) * 1_000),
            budget=int(max(config.backfill_budget_s, self._max_turn_wait_s) * 1_000),
            retry=_RETRY_MS,
        )

    async def run(self) -> None:
        """Produce until cancelled; wait while the log is unavailable.

        Raises LogError for a trouble that needs a person, Fenced if another producer took over, UnknownPair if the venue does
        not know a pair.
        """
        await while_unavailable(f"live {self.feed.name}", self._attempt, self._random)

    async def _attempt(self) -> None:
        try:
            async with self._log.appender(self._name()) as appender:
                await self._produce(appender)
        finally:
            self.reconnectors, self.queue = [], None  # while the log is away, nothing counts as stalled

    async def _produce(self, appender: Appender) -> None:
        queue = self.queue = AppendQueue(appender, self._append_records)
        subscriptions = [
            await self._subscription(symbol, pair, appender, queue.put) for symbol, pair in self._config.symbols.items()
        ]
        dispatcher = Dispatcher(self.feed.name, subscriptions, self.rest.clock, stats=self.stats, wall=self._wall)
        self.subscriptions = dispatcher.subscriptions
        self.reconnectors = self._reconnectors_of(dispatcher)
        backfiller = Backfiller(
            self.rest,
            queue,
            lambda: [connection for each in self.reconnectors for connection in each.connections],
            max_turn_wait_s=self._max_turn_wait_s,
        )
        await _all_or_none(
            queue.run(),
            self._measure_clock(),
            *(reconnector.run() for reconnector in self.reconnectors),
            *(backfiller.run(subscription) for subscription in subscriptions),
        )

    def _name(self) -> str:
        """Return the appender's name. A second producer of the same streams takes over from the first, unless it is its twin."""
        symbols = "+".join(sorted(self._config.symbols))
        if len(symbols) > _MAX_NAME:
            symbols = f"{len(self._config.symbols)}-{zlib.crc32(symbols.encode()):08x}"
        return "-".join(["live", self.feed.name, symbols, *([self._config.twin] if self._config.twin else [])])

    async def _subscription(
        self, symbol: str, pair: str, appender: Appender, put: Callable[[list[KeyValue]], None]
    ) -> Subscription:
        """Return a subscription that resumes after the log's last candle of the symbol."""
        now_ms = self.rest.clock.now_ms()
        reader = ResumePointReader(now_ms)
        await appender.last(symbol.encode(), reader)
        resume_point = reader.result()
        if resume_point is None:
            first_ms = (now_ms // MINUTE_MS - self._config.backfill_minutes) * MINUTE_MS
            resume_point = ResumePoint(first_ms, None, is_new=True)
        _log.info("live producer starts", extra={"symbol": symbol, "from_ms": resume_point.next_ms})
        sequencer = CandleSequencer(resume_point, self._deadlines, sends_empty_minutes=self.feed.sends_empty_minutes)
        return Subscription(symbol, pair, self.feed.name, sequencer, put, self.stats)

    def _reconnectors_of(self, dispatcher: Dispatcher) -> list[Reconnector]:
        """Return a reconnector for each group of as many pairs as the venue allows on one connection."""
        pairs, most = list(dispatcher.subscriptions), self.feed.limits.pairs_per_connection
        groups = [pairs[first : first + most] for first in range(0, len(pairs), most)]
        return [
            Reconnector(
                self.feed,
                {pair: dispatcher.subscriptions[pair].silence for pair in group},
                self._endpoint,
                dispatcher.on_message,
                self.rest.clock,
                pacer=self._pacer,
                random=self._random,
                stats=self.stats,
            )
            for group in groups
        ]

    async def _measure_clock(self) -> None:
        """Measure the venue's clock at regular intervals, because clocks drift."""
        while True:
            try:
                await self.rest.measure_clock()
            except RestError as error:
                _log.warning("measuring the venue's clock failed: %s", error, extra={"venue": self.feed.name})
                await asyncio.sleep(_MEASURE_CLOCK_RETRY_S)
            else:
                await asyncio.sleep(_MEASURE_CLOCK_EVERY_S)


async def _all_or_none(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until the first one ends; then cancel the others, and raise what the first one raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in done:
        task.result()
