"""Parts that all tests of the live producer share: deadlines, TLS, the loop's clock, and a subscription."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from ssl import create_default_context

from producer.live.resume import ResumePoint
from producer.live.sequencer import CandleSequencer, Deadlines
from producer.live.subscription import LiveStats, Subscription
from volcast.log.contract import KeyValue

DEADLINES = Deadlines(settle=3_000, timeout=10_000, budget=60_000, retry=5_000)
TLS = create_default_context()
PAIRS = ("BTCUSDT", "ETHUSDT")


def now_s() -> float:
    """The event loop's clock."""
    return asyncio.get_running_loop().time()


async def until(at_s: float) -> None:
    """Sleep until this time of the event loop's clock."""
    await asyncio.sleep(at_s - now_s())


def wall_from(start_s: float) -> Callable[[], float]:
    """A wall clock that shows `start_s` when the event loop's clock shows 0."""
    return lambda: start_s + now_s()


def subscription(
    pair: str,
    venue: str,
    next_ms: int,
    put: Callable[[list[KeyValue]], None],
    stats: LiveStats,
    *,
    last_close: Decimal | None = None,
    sends_empty_minutes: bool = False,
) -> Subscription:
    """A subscription that resumes at `next_ms`; without a last close, the symbol is new to the log."""
    resume_point = ResumePoint(next_ms, last_close, is_new=last_close is None)
    sequencer = CandleSequencer(resume_point, DEADLINES, sends_empty_minutes=sends_empty_minutes)
    return Subscription(f"{pair}.{venue.upper()}", pair, venue, sequencer, put, stats)
