"""A lane at work on a venue that plays by script, with the real desk behind it; to be run on the loop with virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from producer.live.dispatch import Dispatcher
from producer.live.reconnect import Reconnector
from producer.live.resume import ResumePoint
from producer.live.sequencer import CandleSequencer, Deadlines
from producer.live.stats import LiveStats
from producer.live.subscription import Subscription
from producer.rest.clock import VenueClock
from tests.producer.plain_lines import PAIRS, START_S, Caller, Play, SpeakingFeed, Venue, now_s, wall
from volcast.log.contract import KeyValue
from volcast.pacing import Pacer

WAITS = Deadlines(settle=3_000, patience=10_000, budget=60_000, retry=5_000)


class Longest(Random):
    """Chance that always takes its time."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002  the standard library's signature
        return b


@dataclass
class Carried:
    """A lane at work."""

    lane: Reconnector
    tally: LiveStats
    task: asyncio.Task[None]
    written: list[KeyValue]


@asynccontextmanager
async def carrying(
    made: Venue,
    feed: SpeakingFeed | None = None,
    *,
    pairs: Sequence[str] = PAIRS,
    pacer: Pacer | None = None,
    put: Callable[[list[KeyValue]], None] | None = None,
) -> AsyncIterator[Carried]:
    """In the end the lane is cancelled."""
    feed = feed or SpeakingFeed()
    position = ResumePoint(START_S * 1_000, None, is_new=True)
    tally, written = LiveStats(), list[KeyValue]()
    streams = [
        Subscription(
            f"{pair}.PLAIN",
            pair,
            "plain",
            CandleSequencer(position, WAITS, tells_empty_minutes=True),
            put or written.extend,
            tally,
        )
        for pair in pairs
    ]
    desk = Dispatcher("plain", streams, clock := VenueClock(wall), tally=tally, wall=wall)
    rhythms = {stream.pair: stream.rhythm for stream in streams}
    pacer = pacer or Pacer(feed.limits.connect_every_s)
    lane = Reconnector(feed, rhythms, made.place(), desk.hear, clock, pacer=pacer, random=Longest(), tally=tally)
    task = asyncio.create_task(lane.run())
    try:
        yield Carried(lane, tally, task, written)
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def until(at_s: float) -> None:
    await asyncio.sleep(at_s - now_s())


async def good(caller: Caller, _: int) -> None:
    await caller.speak()


def speaking_until(notice_s: float, end_s: float) -> Play:
    """The first line gives notice and is cut; all others speak."""

    async def play(caller: Caller, number: int) -> None:
        if number:
            await caller.speak()
        await caller.speak(until_s=notice_s)
        caller.say("notice")
        await caller.speak(until_s=end_s)
        caller.wire.cut()

    return play
