"""Many symbols at a venue that allows one request a second: a wait for one's turn is no failure."""

import asyncio
from collections import Counter
from random import Random

import msgspec

from producer.feeds import VENUES
from producer.feeds.contract import Pair
from producer.live.connection import Endpoint
from producer.live.producer import LiveConfig, LiveProducer
from producer.rest.client import RestClient, http_client
from producer.symbols import symbol_on_log
from tests.producer.live.parts import TLS, until
from tests.producer.live.producing import START_S, fault, wall
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import FaultKind
from volcast.simulation.exchange.server import Exchange

BASES = [f"C{number:02}" for number in range(80)]


def test_after_a_cut_the_gaps_of_all_symbols_are_filled() -> None:
    async def main() -> Counter[str]:
        feed = VENUES["kraken"]
        pairs = [Pair(base, "USD") for base in BASES]
        market = Exchange(
            "kraken",
            [(pair.base, pair.quote) for pair in pairs],
            seed=1,
            start_ms=(START_S - 1_800) * 1_000,
            wall=wall,
            script=[fault(330.0, FaultKind.CUT)],
            heartbeat_every_s=20.0,
            trades_per_minute=20.0,
        )
        async with market, SqliteLog(":memory:") as log, http_client(feed, market.rest_url, None, TLS) as client:
            rest = RestClient(feed, client, Random(1), wall=wall)
            config = LiveConfig({symbol_on_log(pair, "kraken"): feed.spelling(pair) for pair in pairs}, backfill_minutes=10)
            endpoint = Endpoint(market.socket_url, TLS, None)
            live = LiveProducer(log, feed, config, endpoint, rest, append_records=500, random=Random(2), wall=wall)
            task = asyncio.create_task(live.run())
            await until(720.0)
            task.cancel()
            await asyncio.wait([task])
            kinds: Counter[str] = Counter()
            async with log.reader(Topic.CANDLES) as reader:
                while not reader.caught_up:
                    kinds.update(msgspec.json.decode(each.value)["kind"] for each in await reader.read(10_000, 0.0))
            return kinds

    kinds = run_with_sockets(main())
    assert kinds["gap"] == 0
    assert kinds["candle"] > 80 * 18
