"""The live producer at the simulated exchange, over real sockets in virtual time. All faults at once are tested by the proof."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from msgspec.structs import replace

from producer.feeds import VENUES
from producer.feeds.binance import BinanceFeed
from producer.rest.client import UnknownPair
from tests.flaky_log import Fault as LogFault
from tests.flaky_log import FlakyLog
from tests.producer.live.parts import until
from tests.producer.live.producing import START_S, exchange, fault, producing
from volcast.log.contract import Fenced
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import FaultKind

RUN_S = 1_260.0
"""Twenty-one minutes."""
MINUTE_MS = 60_000


def opening_times(records: Sequence[dict[str, Any]]) -> list[int]:
    return [record["open_time_ms"] for record in records]


def contiguous(records: Sequence[dict[str, Any]], minutes: int) -> bool:
    first = START_S * 1_000 - 30 * MINUTE_MS
    return opening_times(records)[:minutes] == [first + minute * MINUTE_MS for minute in range(minutes)]


@pytest.mark.parametrize("venue", VENUES)
def test_twenty_minutes_without_a_fault(venue: str) -> None:
    """REST is asked for the past; after that only where trades pause, if candles are built from them."""

    async def main() -> None:
        async with exchange(venue) as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(RUN_S)
            records, closed_by = await setup.records(), await setup.closed_by()
            assert contiguous(records, 49)
            assert closed_by["flag" if VENUES[venue].sends_candles else "later_trade"] >= 14
            assert not VENUES[venue].sends_candles or set(closed_by) == {"flag"}
            assert {record["source"] for record in records} == {venue}
            assert all(record["live"] for record in records)
            assert all(record["received_ms"] >= record["open_time_ms"] + MINUTE_MS for record in records if record["received_ms"])

    run_with_sockets(main())


class ShortLivedConnections(BinanceFeed):
    limits = replace(BinanceFeed.limits, max_age_s=1_200.0)


def test_a_connection_is_replaced_before_the_venue_cuts_it() -> None:
    async def main() -> None:
        market = exchange("binance", max_age_s=1_200.0)
        async with market, SqliteLog(":memory:") as log, producing(market, log, feed=ShortLivedConnections()) as setup:
            await until(2 * RUN_S)
            assert set(setup.live.stats.replaced) == {"age"}
            assert setup.live.stats.connects["ok"] == setup.live.stats.replaced["age"] + 1 >= 3
            assert set(await setup.closed_by()) == {"flag"}
            assert contiguous(await setup.records(), 70)

    run_with_sockets(main())


def test_a_connection_is_replaced_when_the_venue_gives_notice() -> None:
    async def main() -> None:
        script = [fault(600.0, FaultKind.SHUTDOWN_NOTICE)]
        async with exchange("binance", script) as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(RUN_S)
            assert setup.live.stats.replaced == {"notice": 1}
            assert set(await setup.closed_by()) == {"flag"}

    run_with_sockets(main())


@pytest.mark.parametrize("kind", [FaultKind.SILENCE, FaultKind.HALF_OPEN])
def test_a_silent_connection_is_replaced_and_the_gap_is_filled(kind: FaultKind) -> None:
    async def main() -> None:
        async with (
            exchange("kraken", [fault(615.0, kind)]) as market,
            SqliteLog(":memory:") as log,
            producing(market, log) as setup,
        ):
            await until(RUN_S)
            assert setup.live.stats.connects["ok"] == 2
            assert contiguous(await setup.records(), 48)
            assert (await setup.closed_by())["rest"] > 0

    run_with_sockets(main())


def test_a_gap_that_cannot_be_filled_becomes_a_record() -> None:
    async def main() -> None:
        script = [fault(600.0, FaultKind.REFUSE, 300.0, handshakes_s=100.0, cut=True)]
        async with exchange("bybit", script) as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(RUN_S)
            gaps = [record for record in await setup.records() if record["kind"] == "gap"]
            assert len(gaps) == 1
            assert gaps[0]["to_ms"] > gaps[0]["from_ms"]
            assert "503" in gaps[0]["reason"]
            assert setup.live.stats.missing_minutes[setup.symbol] == (gaps[0]["to_ms"] - gaps[0]["from_ms"]) // MINUTE_MS

    run_with_sockets(main())


def test_a_revised_candle_becomes_a_revision() -> None:
    async def main() -> None:
        script = [fault(600.0, FaultKind.REVISED, delay_s=30.0)]
        async with exchange("okx", script) as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(RUN_S)
            assert [record["kind"] for record in await setup.records()].count("revision") == 1

    run_with_sockets(main())


@pytest.mark.parametrize("skew_ms", [-600_000, 600_000])
def test_a_clock_that_is_ten_minutes_wrong_does_no_harm(skew_ms: int) -> None:
    async def main() -> None:
        market = exchange("coinbase", skew_ms=skew_ms)
        async with market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            await until(RUN_S)
            records = await setup.records()
            assert abs(setup.live.rest.clock.offset_ms - skew_ms) < 1_500
            times = opening_times(records)
            assert times == list(range(times[0], times[-1] + MINUTE_MS, MINUTE_MS))
            assert START_S * 1_000 + RUN_S * 1_000 + skew_ms - records[-1]["open_time_ms"] < 3 * MINUTE_MS

    run_with_sockets(main())


def test_a_killed_producer_resumes_after_the_last_candle() -> None:
    async def main() -> None:
        async with exchange("binance") as market, SqliteLog(":memory:") as log:
            for end_s in (0.05, 0.5, 3.0, 61.0, 400.0, 1_000.0):
                async with producing(market, log) as setup:
                    await until(end_s)
            async with producing(market, log) as setup:
                await until(RUN_S)
                assert contiguous(await setup.records(), 48)

    run_with_sockets(main())


def test_a_second_producer_takes_over_from_the_first() -> None:
    async def main() -> None:
        async with exchange("kraken") as market, SqliteLog(":memory:") as log, AsyncExitStack() as stack:
            first = await stack.enter_async_context(producing(market, log))
            await until(300.0)
            second = await stack.enter_async_context(producing(market, log))
            await until(RUN_S)
            assert isinstance(first.task.exception(), Fenced)
            assert contiguous(await second.records(), 48)

    with pytest.raises(Fenced):
        run_with_sockets(main())


def test_twins_write_each_candle_twice() -> None:
    async def main() -> None:
        async with exchange("binance") as market, SqliteLog(":memory:") as log, AsyncExitStack() as stack:
            first, _ = [await stack.enter_async_context(producing(market, log, twin=name)) for name in "ab"]
            await until(RUN_S)
            times = opening_times(await first.records())
            assert len(times) == 2 * len(set(times))
            assert contiguous([{"open_time_ms": time_ms} for time_ms in sorted(set(times))], 48)

    run_with_sockets(main())


@pytest.mark.parametrize("what", [LogFault.LOST, LogFault.UNANSWERED])
def test_a_log_that_does_not_answer_costs_no_candle(what: LogFault) -> None:
    async def main() -> None:
        flaky = FlakyLog(SqliteLog(":memory:"), appends={0: what, 7: what, 20: what})
        async with exchange("binance") as market, flaky as log, producing(market, log) as setup:
            await until(RUN_S)
            assert contiguous(await setup.records(), 48)

    run_with_sockets(main())


def test_an_unknown_pair_ends_the_producer() -> None:
    async def main() -> None:
        async with exchange("binance") as market, SqliteLog(":memory:") as log:
            with pytest.raises(UnknownPair, match=r"NOSUCHUSDT\.BINANCE"):  # it is raised where the producer ends
                async with producing(market, log, base="NOSUCH") as setup:
                    await asyncio.wait([setup.task], timeout=60.0)

    run_with_sockets(main())


def test_the_appender_of_many_symbols_has_a_short_name() -> None:
    async def main() -> str:
        async with exchange("binance") as market, SqliteLog(":memory:") as log, producing(market, log) as setup:
            setup.live._config = setup.live._config._replace(symbols={f"X{n}USDT.BINANCE": f"X{n}USDT" for n in range(500)})
            return setup.live._name()

    assert len(run_with_sockets(main())) < 100


@pytest.mark.parametrize("venue", VENUES)
def test_a_quiet_market_is_not_reported_as_one_of_which_nothing_arrives(venue: str, caplog: pytest.LogCaptureFixture) -> None:
    """It trades once in four minutes, so that most of its candles come over HTTP."""

    async def main() -> None:
        async with exchange(venue, trades_per_minute=0.25) as market, SqliteLog(":memory:") as log, producing(market, log):
            await until(RUN_S)

    run_with_sockets(main())
    assert [record.getMessage() for record in caplog.records if "arrive" in record.getMessage()] == []
