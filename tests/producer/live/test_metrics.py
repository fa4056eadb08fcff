"""The live producer's own /health and /metrics."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from producer.live.metrics import MAX_IDLE_CONNECTION_S, MAX_LOG_STALL_S, live_monitor
from producer.live.producer import LiveProducer
from tests.flaky_log import Fault as LogFault
from tests.flaky_log import FlakyLog
from tests.producer.live.parts import until
from tests.producer.live.producing import ProducerSetup, exchange, fault, producing
from volcast.log.contract import Appender, KeyValue, Unavailable
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import FaultKind

Sample = tuple[str, ...]


def monitor_of(live: LiveProducer) -> Callable[[str], Awaitable[httpx.Response]]:
    """A client of one monitor, which keeps its state between requests."""
    app = live_monitor(live)

    async def get(path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://producer") as client:
            return await client.get(path)

    return get


async def samples(live: LiveProducer) -> dict[Sample, float]:
    """Samples by name, without the common prefix and label, and by the values of the other labels in the order of their names."""
    families = text_string_to_metric_families((await monitor_of(live)("/metrics")).text)
    found: dict[Sample, float] = {}
    for sample in (each for family in families if family.name.startswith("volcast_live") for each in family.samples):
        labels = dict(sample.labels)
        assert labels.pop("venue") == live.feed.name
        found[sample.name.removeprefix("volcast_live_"), *labels.values()] = sample.value
    return found


def test_the_metrics_after_an_hour_with_faults() -> None:
    async def main() -> None:
        market = exchange("kraken", [fault(1_000, FaultKind.CUT), fault(2_000, FaultKind.GARBAGE, 20.0)], skew_ms=7_000)
        async with market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(1_800)
            before = await samples(setup.live)
            assert before["missing_candles_total", setup.symbol] == 0  # a rise from 0 shows only if there was a 0
            assert before["gaps_total", setup.symbol] == 0
            await until(3_605)
            found = await samples(setup.live)
            records = await setup.records()
        symbol = setup.symbol
        assert {name for name, count in before.items() if found.get(name, 0.0) < count and name[0].endswith("_total")} == set()
        candles = {name[1]: count for name, count in found.items() if name[0] == "candles_total"}
        assert set(candles) == {"later_trade", "rest"}
        assert sum(candles.values()) == len(records)
        assert found.get(("synthetic_candles_total", symbol), 0) == sum(record["synthetic"] for record in records)
        assert found["frames_total", "trades"] > 1_000
        assert found["frames_total", "heartbeat"] > 100
        assert found["frames_total", "garbage"] >= market.happened["garbage"] == 1
        assert found["connections",] == 1
        assert found["connects_total", "ok"] >= 2
        assert sum(count for name, count in found.items() if name[0] == "lines_left_total") == found["connects_total", "ok"] - 1
        assert found["requests_total", "ok"] >= 2
        assert 0 < found["candle_age_seconds", symbol] < 70
        assert 0 <= found["silence_seconds", symbol] <= found["silence_limit_seconds", symbol]
        assert abs(found["clock_skew_seconds",] - 7) <= found["clock_skew_doubt_seconds",] < 1
        assert found["receive_seconds_count",] == found["receive_seconds_bucket", "+Inf"] > 0
        assert found["unwritten_candles_total", symbol, "late"] == setup.live.subscriptions["BTC/USD"].sequencer.counts["late"]
        assert (found["waiting_candles", symbol], found["outbox_records",]) == (0, 0)

    run_with_sockets(main())


def test_before_the_start_there_are_no_samples_of_symbols_and_health_is_good() -> None:
    async def main() -> None:
        async with exchange("okx") as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            found = await samples(setup.live)
            assert found["connections",] == 0
            assert not [name for name in found if setup.symbol in name]
            health = await monitor_of(setup.live)("/health")
            assert (health.status_code, health.text) == (200, "waiting for the log\n")

    run_with_sockets(main())


def test_a_gap_is_counted_with_its_minutes() -> None:
    async def main() -> None:
        market = exchange("binance", [fault(600, FaultKind.REFUSE, 600.0, handshakes_s=90.0, cut=True)])
        async with market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(1_800)
            found = await samples(setup.live)
            gaps = [record for record in await setup.records() if record["kind"] == "gap"]
        assert len(gaps) == found["gaps_total", setup.symbol] >= 1
        assert found["missing_candles_total", setup.symbol] == sum((gap["to_ms"] - gap["from_ms"]) // 60_000 for gap in gaps)

    run_with_sockets(main())


def test_a_venue_that_is_down_makes_the_producer_unhealthy_and_is_reported_less_and_less_often(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        market = exchange("bybit", [fault(600, FaultKind.REFUSE, 3_000.0, handshakes_s=3_000.0, cut=True)])
        async with market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            get = monitor_of(setup.live)
            await until(630)
            assert (await get("/health")).status_code == 200
            for minute in range(14, 30):
                await until(60.0 * minute + 30)
                health = await get("/health")
                assert health.status_code == 503
                assert health.text.startswith("nothing has arrived from bybit for ")
                assert "HTTP status 503" in health.text.splitlines()[0]
            assert "\n0 connections to bybit\n" in (await get("/health")).text
            found = await samples(setup.live)
            assert found["candle_age_seconds", setup.symbol] > 1_000
            assert sum(count for name, count in found.items() if name[0] == "connects_total" and name[1] != "ok") > 20
            await until(4_000.0)
            assert (await get("/health")).status_code == 200

    run_with_sockets(main())
    said = [record.getMessage() for record in caplog.records if "arrive" in record.getMessage()]
    seconds = [int(re.findall(r"arrived for (\d+) s", text)[0]) for text in said[:-1]]
    assert all(120 * 2**n <= second <= 120 * 2**n + 6 for n, second in enumerate(seconds))
    assert len(seconds) >= 4
    assert all("bybit: nothing has arrived for " in text and "503" in text for text in said[:-1])
    assert said[-1].startswith("bybit: candles arrive again, after ")


def test_while_the_venue_refuses_this_address_nothing_is_tried_and_a_restart_is_not_asked_for() -> None:
    """A new process would ask again at once, and make the ban longer. /health says why nothing arrives."""

    async def main() -> None:
        async with exchange("bybit") as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            get = monitor_of(setup.live)
            await until(30)
            setup.live.rest.hold.extend(3_600.0, "it says no", now_s=30.0, asked_s=None)
            setup.live.rest.connect_hold.lengthen(setup.live.rest.hold.until_s, "it says no")
            for connection in setup.live.reconnectors[0].connections:
                assert connection._socket is not None
                connection._socket.transport.abort()
            await until(1_500)
            health = await get("/health")
            assert health.status_code == 200
            assert health.text.startswith("nothing has arrived from bybit for ")
            assert "the venue refuses this address, and is asked again in " in health.text.splitlines()[0]
            assert "no connection for another " in health.text
            found = await samples(setup.live)
            assert found["hold_seconds", "connects"] > 2_000
            assert setup.live.stats.connects.total() == 1
            await until(5_000)
            assert (await get("/health")).status_code == 200
            assert setup.live.stats.connects["ok"] == 2

    run_with_sockets(main())


class AwayLog(FlakyLog):
    """A log that is away from some moment on, and then can't be opened."""

    is_away = False

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator[Appender]:
        if self.is_away:
            raise Unavailable("no answer")
        async with super().appender(name) as appender:
            yield appender


def test_a_log_that_is_away_for_long_is_healthy() -> None:
    async def main() -> None:
        faults = {-1: LogFault.LOST}
        log = AwayLog(SqliteLog(":memory:"), appends=faults)
        async with exchange("bybit") as market, log, producing(market, log) as setup:
            get = monitor_of(setup.live)
            await until(100)
            log.is_away, faults[log.appends] = True, LogFault.LOST
            for minute in range(2, 30):
                await until(60.0 * minute)
                assert (await get("/health")).status_code == 200
            assert (await samples(setup.live))["candle_age_seconds", setup.symbol] > 1_500

    run_with_sockets(main())


async def unhealthy(setup: ProducerSetup, after_s: float) -> str:
    """Return the text of /health, which is healthy now and unhealthy after this time."""
    get = monitor_of(setup.live)
    assert (await get("/health")).status_code == 200
    await asyncio.sleep(after_s)
    health = await get("/health")
    assert health.status_code == 503
    return str(health.text)


def test_an_append_that_never_ends_is_unhealthy() -> None:
    async def main() -> None:
        async with exchange("bybit") as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(30)
            queue = setup.live.queue
            assert queue is not None

            async def never(_: object) -> None:
                await asyncio.Event().wait()

            queue._appender.append = never  # type: ignore[method-assign, assignment]  # there is no other way to make a log hang
            queue.put([KeyValue(b"BTCUSDT.BYBIT", b"{}")])
            health = await unhealthy(setup, MAX_LOG_STALL_S + 1)
            assert health.startswith("the log has accepted nothing for 361 s, while ")

    run_with_sockets(main())


def test_a_missing_connection_without_an_attempt_is_unhealthy() -> None:
    async def main() -> None:
        async with exchange("bybit") as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(30)
            setup.live.reconnectors[0].connections.clear()
            health = await unhealthy(setup, MAX_IDLE_CONNECTION_S + 1)
            assert health.startswith(
                "a connection has been missing for 301 s without an attempt to connect\n0 connections to bybit\n"
            )

    run_with_sockets(main())
