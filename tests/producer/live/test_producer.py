"""The live producer as a whole, over real sockets in virtual time; all faults at once are the business of the proof."""

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
from tests.producer.live_stage import START_S, exchange, fault, producing, until
from volcast.log.contract import Fenced
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.virtual_time import run_with_sockets
from volcast.simulation.exchange.faults import FaultKind

WHILE_S = 1_260.0
"""Twenty minutes and a bit."""
MINUTE = 60_000


def opening_times(records: Sequence[dict[str, Any]]) -> list[int]:
    return [record["open_time_ms"] for record in records]


def contiguous(records: Sequence[dict[str, Any]], minutes: int) -> bool:
    first = START_S * 1_000 - 30 * MINUTE
    return opening_times(records)[:minutes] == [first + minute * MINUTE for minute in range(minutes)]


@pytest.mark.parametrize("venue", VENUES)
def test_a_while_without_a_fault(venue: str) -> None:
    """The venue is asked for what was before; after that only where its trades pause, if candles are built from them."""

    async def main() -> None:
        async with exchange(venue) as market, SqliteLog(":memory:") as log, producing(market, log) as one:
            await until(WHILE_S)
            records, closed_by = await one.records(), await one.closed_by()
            assert contiguous(records, 49)
            assert closed_by["flag" if VENUES[venue].tells_candles else "later_trade"] >= 14
            assert not VENUES[venue].tells_candles or set(closed_by) == {"flag"}
            assert {record["source"] for record in records} == {venue}
            assert all(record["live"] for record in records)
            assert all(record["received_ms"] >= record["open_time_ms"] + MINUTE for record in records if record["received_ms"])

    run_with_sockets(main())


class CutSooner(BinanceFeed):
    limits = replace(BinanceFeed.limits, max_age_s=1_200.0)


def test_before_a_venues_own_cut_a_second_line_stands_and_nothing_is_missed() -> None:
    async def main() -> None:
        market = exchange("binance", max_age_s=1_200.0)
        async with market, SqliteLog(":memory:") as log, producing(market, log, feed=CutSooner()) as one:
            await until(2 * WHILE_S)
            assert set(one.live.tally.left) == {"age"}
            assert one.live.tally.connects["ok"] == one.live.tally.left["age"] + 1 >= 3
            assert set(await one.closed_by()) == {"flag"}
            assert contiguous(await one.records(), 70)

    run_with_sockets(main())


def test_upon_a_venues_notice_a_second_line_stands_before_the_cut() -> None:
    async def main() -> None:
        script = [fault(600.0, FaultKind.SHUTDOWN_NOTICE)]
        async with exchange("binance", script) as market, SqliteLog(":memory:") as log, producing(market, log) as one:
            await until(WHILE_S)
            assert one.live.tally.left == {"notice": 1}
            assert set(await one.closed_by()) == {"flag"}

    run_with_sockets(main())


@pytest.mark.parametrize("kind", [FaultKind.SILENCE, FaultKind.HALF_OPEN])
def test_a_line_that_has_gone_silent_is_left_and_what_was_missed_is_asked_for(kind: FaultKind) -> None:
    async def main() -> None:
        async with (
            exchange("kraken", [fault(615.0, kind)]) as market,
            SqliteLog(":memory:") as log,
            producing(market, log) as one,
        ):
            await until(WHILE_S)
            assert one.live.tally.connects["ok"] == 2
            assert contiguous(await one.records(), 48)
            assert (await one.closed_by())["rest"] > 0

    run_with_sockets(main())


def test_a_hole_that_cannot_be_filled_becomes_a_record() -> None:
    async def main() -> None:
        script = [fault(600.0, FaultKind.REFUSE, 300.0, handshakes_s=100.0, cut=True)]
        async with exchange("bybit", script) as market, SqliteLog(":memory:") as log, producing(market, log) as one:
            await until(WHILE_S)
            gaps = [record for record in await one.records() if record["kind"] == "gap"]
            assert len(gaps) == 1
            assert gaps[0]["to_ms"] > gaps[0]["from_ms"]
            assert "503" in gaps[0]["reason"]
            assert one.live.tally.missing_minutes[one.symbol] == (gaps[0]["to_ms"] - gaps[0]["from_ms"]) // MINUTE

    run_with_sockets(main())


def test_a_revised_candle_becomes_a_revision() -> None:
    async def main() -> None:
        script = [fault(600.0, FaultKind.REVISED, delay_s=30.0)]
        async with exchange("okx", script) as market, SqliteLog(":memory:") as log, producing(market, log) as one:
            await until(WHILE_S)
            assert [record["kind"] for record in await one.records()].count("revision") == 1

    run_with_sockets(main())


@pytest.mark.parametrize("skew_ms", [-600_000, 600_000])
def test_a_clock_that_is_ten_minutes_wrong_harms_nothing(skew_ms: int) -> None:
    async def main() -> None:
        market = exchange("coinbase", skew_ms=skew_ms)
        async with market, SqliteLog(":memory:") as log, producing(market, log) as one:
            await until(WHILE_S)
            records = await one.records()
            assert abs(one.live.rest.clock.offset_ms - skew_ms) < 1_500
            times = opening_times(records)
            assert times == list(range(times[0], times[-1] + MINUTE, MINUTE))
            assert START_S * 1_000 + WHILE_S * 1_000 + skew_ms - records[-1]["open_time_ms"] < 3 * MINUTE

    run_with_sockets(main())


def test_killed_at_any_moment_it_goes_on_behind_the_last_candle() -> None:
    async def main() -> None:
        async with exchange("binance") as market, SqliteLog(":memory:") as log:
            for end_s in (0.05, 0.5, 3.0, 61.0, 400.0, 1_000.0):
                async with producing(market, log) as one:
                    await until(end_s)
            async with producing(market, log) as one:
                await until(WHILE_S)
                assert contiguous(await one.records(), 48)

    run_with_sockets(main())


def test_a_second_producer_takes_over_from_the_first() -> None:
    async def main() -> None:
        async with exchange("kraken") as market, SqliteLog(":memory:") as log, AsyncExitStack() as stack:
            first = await stack.enter_async_context(producing(market, log))
            await until(300.0)
            second = await stack.enter_async_context(producing(market, log))
            await until(WHILE_S)
            assert isinstance(first.task.exception(), Fenced)
            assert contiguous(await second.records(), 48)

    with pytest.raises(Fenced):
        run_with_sockets(main())


def test_twins_write_each_their_own() -> None:
    async def main() -> None:
        async with exchange("binance") as market, SqliteLog(":memory:") as log, AsyncExitStack() as stack:
            first, _ = [await stack.enter_async_context(producing(market, log, twin=name)) for name in "ab"]
            await until(WHILE_S)
            times = opening_times(await first.records())
            assert len(times) == 2 * len(set(times))
            assert contiguous([{"open_time_ms": time_ms} for time_ms in sorted(set(times))], 48)

    run_with_sockets(main())


@pytest.mark.parametrize("what", [LogFault.LOST, LogFault.UNANSWERED])
def test_a_log_that_does_not_answer_costs_nothing(what: LogFault) -> None:
    async def main() -> None:
        flaky = FlakyLog(SqliteLog(":memory:"), appends={0: what, 7: what, 20: what})
        async with exchange("binance") as market, flaky as log, producing(market, log) as one:
            await until(WHILE_S)
            assert contiguous(await one.records(), 48)

    run_with_sockets(main())


def test_a_pair_that_the_venue_does_not_know_is_said_so() -> None:
    async def main() -> None:
        async with exchange("binance") as market, SqliteLog(":memory:") as log:
            with pytest.raises(UnknownPair, match=r"NOSUCHUSDT\.BINANCE"):  # it is raised where the producer ends
                async with producing(market, log, base="NOSUCH") as one:
                    await asyncio.wait([one.task], timeout=60.0)

    run_with_sockets(main())


def test_many_symbols_are_spread_over_lines_and_their_appender_has_a_short_name() -> None:
    async def main() -> str:
        async with exchange("binance") as market, SqliteLog(":memory:") as log, producing(market, log) as one:
            one.live._wish = one.live._wish._replace(symbols={f"X{n}USDT.BINANCE": f"X{n}USDT" for n in range(500)})
            return one.live._name()

    assert len(run_with_sockets(main())) < 100
