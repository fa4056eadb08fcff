"""A backfiller at a scripted HTTP server, with a real log; to be run in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

import msgspec

from producer.live.append_queue import AppendQueue
from producer.live.backfill import Backfiller
from producer.live.candle import ClosedBy, ClosedCandle
from producer.live.connection import Connection, Endpoint
from producer.live.subscription import LiveStats, Subscription
from producer.rest.client import RestClient, http_client
from tests.log_access import records_of
from tests.producer.live.parts import TLS, now_s, subscription, wall_from
from tests.producer.scripted_venue import MINUTE_MS, START_MS, Market, PlainFeed, ReceivedRequest, Reply, Server, minute_rows
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog

BEGIN_S = START_MS / 1_000 + 3_600 + 1
"""One second into the 61st minute of the venue's market."""
ROWS = minute_rows(600)
wall = wall_from(BEGIN_S)


class TradesFeed(PlainFeed):
    """The plain venue, if it sent trades in place of candles."""

    sends_candles = False


@dataclass
class BackfillSetup:
    """A subscription whose gaps are filled; minutes are counted from the venue's first one."""

    server: Server
    subscription: Subscription
    queue: AppendQueue
    log: SqliteLog
    connection: Connection
    task: asyncio.Task[None]

    def receive_candle(self, minute: int) -> None:
        """A live candle closes."""
        price, one = Decimal(f"{100 + minute}.50"), Decimal(1)
        candle = ClosedCandle(START_MS + minute * MINUTE_MS, price, price, price, price, one, one, ClosedBy.FLAG)
        self.subscription.write(self.subscription.sequencer.candle_closed(candle))
        self.subscription.wake.set()

    def candle_requests(self) -> list[Mapping[str, str]]:
        """The parameters of all requests for candles."""
        return [each.params for each in self.server.requests if each.path == "/candles"]

    async def records(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in await records_of(self.log, Topic.CANDLES)]

    async def minutes(self) -> list[int]:
        """The minutes of the candles on the log."""
        return [(record["open_time_ms"] - START_MS) // MINUTE_MS for record in await self.records() if "open_time_ms" in record]


@asynccontextmanager
async def backfilling(
    answer: Callable[[ReceivedRequest], Reply],
    *,
    next_minute: int = 0,
    feed: PlainFeed | None = None,
    appends: bool = True,
    is_new: bool = False,
) -> AsyncIterator[BackfillSetup]:
    """Resume at `next_minute`, of a symbol that the log has, unless it `is_new`.

    What the backfiller's task has raised is raised at the end.
    """
    feed = feed or PlainFeed()
    async with (
        Server(answer) as server,
        http_client(feed, server.url) as client,
        SqliteLog(":memory:") as log,
        log.appender("x") as appender,
    ):
        rest, queue = RestClient(feed, client, Random(1), wall=wall), AppendQueue(appender, 100)
        next_ms = START_MS + next_minute * MINUTE_MS
        symbol = subscription(
            "BTCUSDT",
            "plain",
            next_ms,
            queue.put,
            LiveStats(),
            last_close=None if is_new else Decimal(100),
            sends_empty_minutes=feed.sends_empty_minutes,
        )
        connection = Connection(feed, ["BTCUSDT"], Endpoint("", TLS, None), lambda *_: None, rest.clock)
        task = asyncio.create_task(Backfiller(rest, queue, lambda: [connection]).run(symbol))
        tasks = [task, *([asyncio.create_task(queue.run())] if appends else [])]
        try:
            yield BackfillSetup(server, symbol, queue, log, connection, task)
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.wait(tasks)
    if not task.cancelled():
        task.result()


def market(request: ReceivedRequest) -> Reply:
    """What a venue without a fault answers."""
    return Market(wall, ROWS)(request)


def failing_from(at_s: float, reply: Reply, until_s: float = float("inf")) -> Callable[[ReceivedRequest], Reply]:
    """Give this reply between the two times, and the market's otherwise."""
    return lambda request: reply if at_s <= now_s() < until_s else market(request)
