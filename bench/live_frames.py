"""What a frame costs, without a socket: parsed by the venue's feed, and heard by the desk. Frames are of all pairs, by chance."""

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

from .live_venue import PUSH_EVERY_S, Tally

_AGO_MS = 50 * MINUTE_MS
_CLOCK_SAMPLES = 16
"""As many as a producer has of the venue's clock after its first answers."""


class Cost(NamedTuple):
    """Of a frame, medians of the rounds."""

    parse_us: float
    hear_us: float
    written: int
    """Candles that followed."""
    strange: int
    """Frames that the desk did not know what to do with."""


async def cost(feed: Feed, pairs: Sequence[tuple[str, str]], per_s: float, rounds: int, round_frames: int) -> Cost:
    """Trades come `per_s`; candles as often as the venue pushes them."""
    started_ms = (int(time() * 1_000) - _AGO_MS) // MINUTE_MS * MINUTE_MS
    dialect = DIALECTS[feed.name](pairs)
    spelled = [dialect.spellings[base + quote] for base, quote in pairs]
    every_us = int(1e6 * PUSH_EVERY_S / len(pairs) if feed.sends_candles else 1e6 / per_s)
    texts = _frames(feed.name, pairs, started_ms * 1_000, every_us)
    tally = LiveStats()
    moment_s = started_ms / 1_000
    clock = _venue_clock(lambda: moment_s)
    desk = _desk(feed, spelled, started_ms, tally, clock, wall=lambda: moment_s)
    line = Connection(feed, spelled, Endpoint("", ssl.create_default_context(), None), desk.on_message, clock)
    parse_us, hear_us = [], []
    for _ in range(rounds):
        frames = [next(texts) for _ in range(round_frames)]
        start_s = perf_counter()
        messages = [(at_s, feed.parse(frame)) for at_s, frame in frames]
        parsed_s = perf_counter()
        for moment_s, message in messages:  # noqa: B007  the desk's clock
            line.receive(message)
        parse_us.append((parsed_s - start_s) / round_frames * 1e6)
        hear_us.append((perf_counter() - parsed_s) / round_frames * 1e6)
    return Cost(median(parse_us), median(hear_us), tally.written.total(), tally.frames["strange"])


def _venue_clock(wall: Callable[[], float]) -> VenueClock:
    """`wall` is of the frames, not of now."""
    clock = VenueClock(wall)
    for _ in range(_CLOCK_SAMPLES):
        clock.add(wall(), wall(), int(wall() * 1_000), 1_000)
    return clock


def _desk(
    feed: Feed, spelled: Sequence[str], started_ms: int, tally: LiveStats, clock: VenueClock, *, wall: Callable[[], float]
) -> Dispatcher:
    """As `Live` makes it; nothing is asked for over HTTP."""
    waits = Deadlines(settle=10_000, timeout=10_000, budget=60_000, retry=5_000)
    position = ResumePoint(started_ms + MINUTE_MS, None, is_new=True)
    streams = [
        _subscription(feed, pair, CandleSequencer(position, waits, sends_empty_minutes=feed.sends_empty_minutes), tally)
        for pair in spelled
    ]
    return Dispatcher(feed.name, streams, clock, stats=tally, wall=wall)


def _subscription(feed: Feed, pair: str, sequencer: CandleSequencer, tally: LiveStats) -> Subscription:
    return Subscription(f"{pair}.BENCH", pair, feed.name, sequencer, lambda _: None, tally)


def _frames(venue: str, pairs: Sequence[tuple[str, str]], begin_us: int, every_us: int) -> Iterator[tuple[float, str]]:
    """Without end: (its time in seconds, frame), each so much later than the one before. A candle is closed by the first frame
    after its minute.
    """
    now_us = begin_us
    dialect, random = DIALECTS[venue](pairs), Random(1)
    talk = DialectSession(dialect.socket_paths[0], {}, 1, lambda: now_us, lambda: False)
    tallies = [Tally(base + quote, random, 60e6 / every_us / len(pairs)) for base, quote in pairs]
    open_ms = dict.fromkeys((tally.symbol for tally in tallies), 0)
    while True:
        for tally in random.sample(tallies, len(tallies)):
            now_us += every_us
            trade = tally.trade(now_us)
            if not dialect.sends_candles:
                yield now_us / 1e6, dialect.trades(talk, tally.symbol, [trade], snapshot=False)
                continue
            minute_ms = now_us // 1_000 // MINUTE_MS * MINUTE_MS
            before_ms, open_ms[tally.symbol] = open_ms[tally.symbol], minute_ms
            if before_ms != minute_ms and (version := tally.version(before_ms)):
                yield now_us / 1e6, dialect.candle(talk, tally.symbol, before_ms, version, closed=True)
            if version := tally.version(minute_ms):
                yield now_us / 1e6, dialect.candle(talk, tally.symbol, minute_ms, version, closed=False)
