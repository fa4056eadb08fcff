"""A live producer at the simulated exchange, without TLS; to be run in virtual time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from producer.feeds import VENUES
from producer.feeds.contract import Feed, Pair
from producer.live.connection import Endpoint
from producer.live.producer import LiveConfig, LiveProducer
from producer.rest.client import RestClient, http_client
from producer.symbols import symbol_on_log
from tests.producer.live.parts import TLS, wall_from
from volcast.log.contract import Log, Topic
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind
from volcast.simulation.exchange.server import Exchange

START_S = 1_767_225_600
BACKFILL_MINUTES = 30
wall = wall_from(START_S)


def fault(at_s: float, kind: FaultKind, for_s: float = 0.0, **more: Any) -> ExchangeFault:
    """A fault `at_s` seconds after the start of the event loop's clock."""
    return ExchangeFault(START_S + at_s, kind, for_s, **more)


def exchange(
    venue: str,
    script: Sequence[ExchangeFault] = (),
    *,
    skew_ms: int = 0,
    max_age_s: float | None = None,
    trades_per_minute: float = 60.0,
) -> Exchange:
    return Exchange(
        venue,
        [("BTC", quote_of(venue))],
        seed=1,
        start_ms=(START_S - 7_200) * 1_000,
        wall=wall,
        script=script,
        skew_ms=skew_ms,
        max_age_s=max_age_s,
        trades_per_minute=trades_per_minute,
        push_every_s=10.0,
        heartbeat_every_s=5.0,
    )


def quote_of(venue: str) -> str:
    return "USDT" if venue in {"binance", "bybit", "okx"} else "USD"


@dataclass
class ProducerSetup:
    """One producer at work."""

    live: LiveProducer
    task: asyncio.Task[None]
    log: Log
    symbol: str

    async def records(self) -> list[dict[str, Any]]:
        """All records of the log, decoded."""
        found: list[dict[str, Any]] = []
        async with self.log.reader(Topic.CANDLES) as reader:
            while not reader.caught_up:
                found += [msgspec.json.decode(record.value) for record in await reader.read(10_000, 0.0)]
        return found

    async def closed_by(self) -> Counter[str]:
        """How the candles were closed, without those of the backfill at the start."""
        return Counter(
            record["closed_by"] for record in await self.records() if record.get("open_time_ms", 0) >= START_S * 1_000 + 60_000
        )


@asynccontextmanager
async def producing(
    venue: Exchange, log: Log, *, twin: str | None = None, base: str = "BTC", feed: Feed | None = None
) -> AsyncIterator[ProducerSetup]:
    """A producer of the exchange's pair onto `log`, cancelled at the end; what it has raised is raised."""
    feed = feed or VENUES[venue.dialect.name]
    pair = Pair(base, quote_of(feed.name))
    symbol = symbol_on_log(pair, feed.name)
    async with http_client(feed, venue.rest_url, None, TLS) as client:
        rest = RestClient(feed, client, Random(1), wall=wall)
        config = LiveConfig({symbol: feed.spelling(pair)}, BACKFILL_MINUTES, twin=twin)
        endpoint = Endpoint(venue.socket_url, TLS, None)
        live = LiveProducer(log, feed, config, endpoint, rest, append_records=100, random=Random(2), wall=wall)
        task = asyncio.create_task(live.run())
        try:
            yield ProducerSetup(live, task, log, symbol)
        finally:
            task.cancel()
            await asyncio.wait([task])
            with suppress(asyncio.CancelledError):
                task.result()
