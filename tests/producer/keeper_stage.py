"""A keeper at work on a venue's HTTP end and a real log; to be run on the loop with virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from producer.live.append_queue import AppendQueue
from producer.live.backfill import Backfiller
from producer.live.candle import ClosedBy, ClosedCandle
from producer.live.connection import Connection, Endpoint
from producer.live.dispatch import Dispatcher
from producer.live.resume import ResumePoint
from producer.live.sequencer import CandleSequencer, Deadlines
from producer.live.stats import LiveStats
from producer.live.subscription import Subscription
from producer.rest.client import RestClient, http_client
from tests.log_ends import records_of
from tests.producer.plain_lines import TLS
from tests.producer.plain_venue import MINUTE_MS, START_MS, Asked, Market, PlainFeed, Reply, Server, minutes
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog

WAITS = Deadlines(settle=3_000, patience=10_000, budget=60_000, retry=5_000)
BEGIN_S = START_MS / 1_000 + 3_600 + 1
"""One second into the 61st minute of the venue's market."""
ROWS = minutes(600)


def wall() -> float:
    return BEGIN_S + now_s()


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def until(at_s: float) -> None:
    await asyncio.sleep(at_s - now_s())


class Trading(PlainFeed):
    tells_candles = False


class Kept:
    """A stream that is kept; minutes are counted from the venue's first."""

    def __init__(self, server: Server, stream: Subscription, outbox: AppendQueue, log: SqliteLog, line: Connection) -> None:
        self.server, self.stream, self.outbox, self.log, self.line = server, stream, outbox, log, line
        self.task: asyncio.Task[None]

    def heard(self, minute: int) -> None:
        """A live candle."""
        price = Decimal(f"{100 + minute}.50")
        one = Decimal(1)
        bar = ClosedCandle(START_MS + minute * MINUTE_MS, price, price, price, price, one, one, ClosedBy.FLAG)
        self.stream.write(self.stream.series.heard(bar))
        self.stream.stirred.set()

    async def records(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in await records_of(self.log, Topic.CANDLES)]

    async def minutes(self) -> list[int]:
        return [(record["open_time_ms"] - START_MS) // MINUTE_MS for record in await self.records() if "open_time_ms" in record]


@asynccontextmanager
async def keeping(
    answer: Callable[[Asked], Reply], *, next_minute: int = 0, feed: PlainFeed | None = None, writes: bool = True
) -> AsyncIterator[Kept]:
    """From `next_minute` on; the log has those before. Its `task` may have failed in the end: that is raised."""
    feed = feed or PlainFeed()
    async with (
        Server(answer) as server,
        http_client(feed, server.url) as client,
        SqliteLog(":memory:") as log,
        log.appender("x") as appender,
    ):
        position = ResumePoint(START_MS + next_minute * MINUTE_MS, Decimal(100), is_new=False)
        rest, outbox = RestClient(feed, client, Random(1), wall=wall), AppendQueue(appender, 100)
        series = CandleSequencer(position, WAITS, tells_empty_minutes=feed.tells_empty_minutes)
        stream = Subscription("BTCUSDT.PLAIN", "BTCUSDT", "plain", series, outbox.put, LiveStats())
        desk = Dispatcher("plain", [stream], rest.clock, tally=stream.tally, wall=wall)
        line = Connection(feed, ["BTCUSDT"], Endpoint("", TLS, None), desk.hear, rest.clock)
        kept = Kept(server, stream, outbox, log, line)
        keeper = Backfiller(rest, outbox, lambda: [line])
        kept.task = asyncio.create_task(keeper.keep(stream))
        tasks = [kept.task, *([asyncio.create_task(outbox.run())] if writes else [])]
        try:
            yield kept
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    if kept.task.done() and not kept.task.cancelled():
        kept.task.result()


def asked_for(asked: Sequence[Asked]) -> list[Mapping[str, str]]:
    return [each.params for each in asked if each.path == "/candles"]


def market(asked: Asked) -> Reply:
    return Market(wall, ROWS)(asked)


def refuses_from(at_s: float, reply: Reply, until_s: float = float("inf")) -> Callable[[Asked], Reply]:
    return lambda asked: reply if at_s <= now_s() < until_s else market(asked)
