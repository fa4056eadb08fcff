"""The cost of a frame without a socket: parsing by the venue's feed, and handling by the dispatcher."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import median
from time import perf_counter, time
from typing import NamedTuple

from producer.feeds.contract import Feed
from producer.live.connection import Connection, Endpoint
from producer.live.dispatch import Dispatcher
from producer.live.resume import ResumePoint
from producer.live.sequencer import CandleSequencer, Deadlines
from producer.live.subscription import LiveStats, Subscription
from producer.rest.clock import VenueClock
from volcast.core.types import MINUTE_MS
from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.dialects.contract import DialectSession

from .live_venue import PUSH_EVERY_S, BenchMarket

_START_AGO_MS = 50 * MINUTE_MS
_CLOCK_SAMPLES = 16
"""The number of clock samples that a producer has after the first responses of a venue."""


class Cost(NamedTuple):
    """The cost of one frame: medians over the rounds."""

    parse_us: float
    handle_us: float
    written: int
    """Candles that were written."""
    strange: int
    """Frames that the dispatcher could not handle."""


async def cost(feed: Feed, pairs: Sequence[tuple[str, str]], per_s: float, rounds: int, round_frames: int) -> Cost:
    """Measure the cost of a feed's frames: `per_s` trades a second of all pairs, or candles as often as the venue sends them."""
    started_ms = (int(time() * 1_000) - _START_AGO_MS) // MINUTE_MS * MINUTE_MS
    dialect = DIALECTS[feed.name](pairs)
    venue_pairs = [dialect.spellings[base + quote] for base, quote in pairs]
    every_us = int(1e6 * PUSH_EVERY_S / len(pairs) if feed.sends_candles else 1e6 / per_s)
    texts = _frames(feed.name, pairs, started_ms * 1_000, every_us)
    stats = LiveStats()
    moment_s = started_ms / 1_000
    clock = _venue_clock(lambda: moment_s)
    dispatcher = _dispatcher(feed, venue_pairs, started_ms, stats, clock, wall=lambda: moment_s)
    connection = Connection(feed, venue_pairs, Endpoint("", ssl.create_default_context(), None), dispatcher.on_message, clock)
    parse_us, handle_us = [], []
    for _ in range(rounds):
        frames = [next(texts) for _ in range(round_frames)]
        start_s = perf_counter()
        messages = [(at_s, feed.parse(frame)) for at_s, frame in frames]
        parsed_s = perf_counter()
        for moment_s, message in messages:  # noqa: B007  the clock reads `moment_s`
            connection.receive(message)
        parse_us.append((parsed_s - start_s) / round_frames * 1e6)
        handle_us.append((perf_counter() - parsed_s) / round_frames * 1e6)
    return Cost(median(parse_us), median(handle_us), stats.written.total(), stats.frames["strange"])


def _venue_clock(wall: Callable[[], float]) -> VenueClock:
    """Return a clock by the time of the frames, which `wall` gives."""
    clock = VenueClock(wall)
    for _ in range(_CLOCK_SAMPLES):
        clock.add(wall(), wall(), int(wall() * 1_000), 1_000)
    return clock


def _dispatcher(
    feed: Feed, venue_pairs: Sequence[str], started_ms: int, stats: LiveStats, clock: VenueClock, *, wall: Callable[[], float]
) -> Dispatcher:
    """Return a dispatcher as `LiveProducer` makes it; it sends no requests over HTTP."""
    deadlines = Deadlines(settle=10_000, timeout=10_000, budget=60_000, retry=5_000)
    resume_point = ResumePoint(started_ms + MINUTE_MS, None, is_new=True)
    subscriptions = [
        _subscription(feed, pair, CandleSequencer(resume_point, deadlines, sends_empty_minutes=feed.sends_empty_minutes), stats)
        for pair in venue_pairs
    ]
    return Dispatcher(feed.name, subscriptions, clock, stats=stats, wall=wall)


def _subscription(feed: Feed, pair: str, sequencer: CandleSequencer, stats: LiveStats) -> Subscription:
    return Subscription(f"{pair}.BENCH", pair, feed.name, sequencer, lambda _: None, stats)


def _frames(venue: str, pairs: Sequence[tuple[str, str]], begin_us: int, every_us: int) -> Iterator[tuple[float, str]]:
    """Generate (time in seconds, frame) without end, `every_us` apart. The first frame after a minute closes its candle."""
    now_us = begin_us
    dialect, random = DIALECTS[venue](pairs), Random(1)
    session = DialectSession(dialect.socket_paths[0], {}, 1, lambda: now_us, lambda: False)
    markets = [BenchMarket(base + quote, random, 60e6 / every_us / len(pairs)) for base, quote in pairs]
    open_ms = dict.fromkeys((stats.symbol for stats in markets), 0)
    while True:
        for stats in random.sample(markets, len(markets)):
            now_us += every_us
            trade = stats.trade(now_us)
            if not dialect.sends_candles:
                yield now_us / 1e6, dialect.trades(session, stats.symbol, [trade], snapshot=False)
                continue
            minute_ms = now_us // 1_000 // MINUTE_MS * MINUTE_MS
            before_ms, open_ms[stats.symbol] = open_ms[stats.symbol], minute_ms
            if before_ms != minute_ms and (version := stats.version(before_ms)):
                yield now_us / 1e6, dialect.candle(session, stats.symbol, before_ms, version, closed=True)
            if version := stats.version(minute_ms):
                yield now_us / 1e6, dialect.candle(session, stats.symbol, minute_ms, version, closed=False)
