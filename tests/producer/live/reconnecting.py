"""A reconnector at a scripted stream, with a real dispatcher behind it; to be run in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from producer.live.dispatch import Dispatcher
from producer.live.reconnect import Reconnector
from producer.live.subscription import LiveStats
from producer.rest.clock import VenueClock
from producer.rest.hold import Hold
from tests.producer.live.candles import START_MS
from tests.producer.live.parts import PAIRS, subscription
from tests.producer.live.scripted_stream import Script, StreamFeed, StreamServer, VenueConnection, wall
from volcast.log.contract import KeyValue
from volcast.timing.pacing import Pacer


class LongestPauses(Random):
    """Draws the longest pause each time."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002  the standard library's signature
        return b


@dataclass
class ReconnectorSetup:
    """A reconnector at work, and the records that follow."""

    reconnector: Reconnector
    stats: LiveStats
    task: asyncio.Task[None]
    records: list[KeyValue]


@asynccontextmanager
async def reconnecting(
    server: StreamServer,
    feed: StreamFeed | None = None,
    *,
    pairs: Sequence[str] = PAIRS,
    pacer: Pacer | None = None,
    hold: Hold | None = None,
    put: Callable[[list[KeyValue]], None] | None = None,
) -> AsyncIterator[ReconnectorSetup]:
    """The reconnector is cancelled at the end; what it has raised is raised."""
    feed = feed or StreamFeed()
    stats, records, clock = LiveStats(), list[KeyValue](), VenueClock(wall)
    subscriptions = [
        subscription(pair, "plain", START_MS, put or records.extend, stats, sends_empty_minutes=True) for pair in pairs
    ]
    dispatcher = Dispatcher("plain", subscriptions, clock, stats=stats, wall=wall)
    reconnector = Reconnector(
        feed,
        {each.pair: each.silence for each in subscriptions},
        server.endpoint(),
        dispatcher.on_message,
        clock,
        pacer=pacer or Pacer(feed.limits.connect_every_s),
        hold=hold or Hold(Random(1)),
        random=LongestPauses(),
        stats=stats,
    )
    task = asyncio.create_task(reconnector.run())
    try:
        yield ReconnectorSetup(reconnector, stats, task, records)
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def send_data(connection: VenueConnection, _: int) -> None:
    """A script without a fault."""
    await connection.send_data()


def notice_then_cut(notice_s: float, cut_s: float) -> Script:
    """The first connection gives notice and is cut; all others bring data."""

    async def script(connection: VenueConnection, number: int) -> None:
        if number:
            await connection.send_data()
        await connection.send_data(until_s=notice_s)
        connection.send("notice")
        await connection.send_data(until_s=cut_s)
        connection.socket.cut()

    return script
