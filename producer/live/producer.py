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
from contextlib import suppress
from random import Random
from time import time
from typing import Any, NamedTuple

from producer.feeds.contract import Feed
from producer.rest.client import RestClient, RestError
from producer.simulated import Rivals
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
from .watchdog import Arrivals

LIVE_CANDLE_TIMEOUT_S = 10.0
"""How long after a minute's end its live candle is awaited."""
_ROUNDING_S = 1.5
"""Added to the settling time: venues round the time in their answers to seconds, so a request at that moment is too early."""
_TURNS = 3.0
"""A gap's budget holds so many rounds of requests of all symbols, at the venue's pace."""
_RETRY_MS = 5_000
_MEASURE_CLOCK_EVERY_S = 600.0
_MEASURE_CLOCK_RETRY_S = 30.0
_WATCH_ARRIVALS_EVERY_S = 5.0
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
    source: str = ""
    """The source of the records, if it is not the venue's name."""
    rivals: Rivals | None = None
    """Which symbols must not be on the same log; None if that does not matter."""


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
        self.arrivals = Arrivals()
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
        not know a pair that the log has nothing of, SimulatedVenue if the venue is not the real one but should be.
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
        await self._measure_clock_once()
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
            self._measure_clock(dispatcher.clock_doubt),
            self._watch_arrivals(),
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
            if self._config.rivals:
                await self._config.rivals.check(symbol, self._log, appender)
            first_ms = (now_ms // MINUTE_MS - self._config.backfill_minutes) * MINUTE_MS
            resume_point = ResumePoint(first_ms, None, is_new=True)
        _log.info("live producer starts", extra={"symbol": symbol, "from_ms": resume_point.next_ms})
        sequencer = CandleSequencer(resume_point, self._deadlines, sends_empty_minutes=self.feed.sends_empty_minutes)
        return Subscription(symbol, pair, self._config.source or self.feed.name, sequencer, put, self.stats)

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
                hold=self.rest.connect_hold,
                random=self._random,
                stats=self.stats,
                is_listed=lambda pair: not dispatcher.subscriptions[pair].unlisted,
            )
            for group in groups
        ]

    async def _measure_clock_once(self) -> None:
        """Measure the venue's clock if that was never done: our own may be wrong by days, and the log is read by that time."""
        if self.rest.clock.uncertainty_ms is None:
            try:
                await self.rest.measure_clock()
            except RestError as error:
                _log.warning("measuring the venue's clock failed: %s", error, extra={"venue": self.feed.name})

    async def _measure_clock(self, doubt: asyncio.Event) -> None:
        """Measure the venue's clock at regular intervals, because clocks drift, and at once if the stream contradicts it."""
        while True:
            try:
                await self.rest.measure_clock()
            except RestError as error:
                _log.warning("measuring the venue's clock failed: %s", error, extra={"venue": self.feed.name})
            await asyncio.sleep(_MEASURE_CLOCK_RETRY_S)
            doubt.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_MEASURE_CLOCK_EVERY_S - _MEASURE_CLOCK_RETRY_S):
                    await doubt.wait()

    async def _watch_arrivals(self) -> None:
        """Say when nothing arrives, and why: without a network, or while the venue refuses this address."""
        self.arrivals = Arrivals()
        while True:
            now_s = asyncio.get_running_loop().time()
            listed = {each.symbol for each in self.subscriptions.values() if not each.unlisted}
            records = dict.fromkeys(listed, 0)
            for (symbol, _), count in self.stats.written.items():
                if symbol in listed:
                    records[symbol] += count
            if text := self.arrivals.look(records, now_s):
                _log.warning("%s: %s%s", self.feed.name, text, self.last_failures(), extra={"venue": self.feed.name})
            await asyncio.sleep(_WATCH_ARRIVALS_EVERY_S)

    def last_failures(self) -> str:
        """Return why the last connection and the last request failed, as the end of a sentence; nothing if neither did."""
        connects = next((each.last_failure for each in self.reconnectors if each.last_failure), "")
        reasons = [f"connecting: {connects}"] if connects else []
        reasons += [f"over HTTP: {self.rest.last_failure}"] if self.rest.last_failure else []
        return f" ({'; '.join(reasons)})" if reasons else ""


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
