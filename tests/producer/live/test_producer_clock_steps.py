"""A machine's clock that is set while the producer runs, or was wrong when it began: no candle is late or missing.

The wall clock is driven by hand; the clock of the event loop, and that of the venue, go on.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec
import pytest

from producer.feeds import VENUES
from producer.feeds.contract import Pair
from producer.live.connection import Endpoint
from producer.live.producer import LiveConfig, LiveProducer
from producer.rest.client import RestClient, SteadyClock, http_client
from producer.symbols import symbol_on_log
from tests.producer.live.parts import TLS, now_s, until
from tests.producer.live.producing import START_S, exchange, quote_of
from volcast.log.contract import Log, Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.server import Exchange

MAX_LATE_S = 75.0
STEPS_S = [-600.0, 10_800.0, -259_200.0]
"""Ten minutes back, three hours on, three days back."""
MINUTE_MS = 60_000


class SteppingWall:
    """The machine's clock: it shows START_S at the beginning of the loop, and can be set."""

    def __init__(self, error_s: float = 0.0) -> None:
        self.error_s = error_s

    def __call__(self) -> float:
        return START_S + now_s() + self.error_s


@asynccontextmanager
async def producing(venue: Exchange, log: Log, wall: SteppingWall) -> AsyncIterator[LiveProducer]:
    feed = VENUES[venue.dialect.name]
    pair = Pair("BTC", quote_of(feed.name))
    async with http_client(feed, venue.rest_url, None, TLS) as client:
        rest = RestClient(feed, client, Random(1), wall=SteadyClock(wall, now_s))
        config = LiveConfig({symbol_on_log(pair, feed.name): feed.spelling(pair)}, 30)
        endpoint = Endpoint(venue.socket_url, TLS, None)
        live = LiveProducer(log, feed, config, endpoint, rest, append_records=100, random=Random(2), wall=wall)
        task = asyncio.create_task(live.run())
        try:
            yield live
        finally:
            task.cancel()
            await asyncio.wait([task])


async def arrivals(log: Log, until_s: float) -> list[tuple[float, dict[str, Any]]]:
    """Return the records of the log, each with the second in which it was there, as of `until_s`."""
    found: list[tuple[float, dict[str, Any]]] = []
    async with log.reader(Topic.CANDLES) as reader:
        while now_s() < until_s:
            found += [(now_s(), msgspec.json.decode(record.value)) for record in await reader.read(10_000, 0.0)]
            await asyncio.sleep(1.0)
    return found


def check(found: Sequence[tuple[float, dict[str, Any]]], from_s: float, to_s: float) -> None:
    """Check that each minute that closed between these times is there, once, and soon after its close."""
    late_s = {record["open_time_ms"]: at_s - (record["open_time_ms"] / 1_000 + 60 - START_S) for at_s, record in found}
    assert {record["kind"] for _, record in found} == {"candle"}
    assert len(late_s) == len(found), "a minute came twice"
    expected = range(int(START_S + from_s) * 1_000, int(START_S + to_s) * 1_000 - 2 * MINUTE_MS, MINUTE_MS)
    missing = [minute for minute in expected if minute not in late_s]
    assert missing == []
    assert max(late_s[minute] for minute in expected) <= MAX_LATE_S


@pytest.mark.parametrize("venue", VENUES)
def test_no_candle_is_late_or_missing_after_the_machines_clock_was_set(venue: str) -> None:
    async def main() -> None:
        wall = SteppingWall()
        async with exchange(venue) as market, SqliteLog(":memory:") as log, producing(market, log, wall):
            watching = asyncio.create_task(arrivals(log, 3_000.0))
            for number, step_s in enumerate(STEPS_S, start=1):
                await until(700.0 * number)
                wall.error_s += step_s
            check(await watching, 0.0, 3_000.0)

    run_with_sockets(main())


@pytest.mark.parametrize("error_s", STEPS_S)
def test_a_producer_whose_clock_is_wrong_from_the_beginning_continues_where_the_log_ends(error_s: float) -> None:
    """The end of the log seems to lie days ahead of such a clock, or days behind it."""

    async def main() -> None:
        async with exchange("kraken") as market, SqliteLog(":memory:") as log:
            async with producing(market, log, SteppingWall()):
                first = await arrivals(log, 400.0)
            async with producing(market, log, SteppingWall(error_s)):
                found = await arrivals(log, 1_200.0)
            minutes = [record["open_time_ms"] for _, record in found]
            assert minutes == list(range(minutes[0], minutes[-1] + MINUTE_MS, MINUTE_MS))
            assert len(minutes) > len(first) + 10

    run_with_sockets(main())


def test_if_the_clock_of_the_process_stands_still_the_stream_causes_a_new_measurement() -> None:
    """As when a virtual machine is paused: the venue's frames come from the future, and are believed within a minute."""

    async def main() -> None:
        async with exchange("binance") as market, SqliteLog(":memory:") as log:
            wall = SteppingWall()
            async with producing(market, log, wall) as live:
                watching = asyncio.create_task(arrivals(log, 1_500.0))
                await until(630.0)
                live.rest.clock._wall = lambda: START_S + now_s() - 3_600.0
                live.rest._wall = live.rest.clock._wall
                check(await watching, 0.0, 1_500.0)

    run_with_sockets(main())
