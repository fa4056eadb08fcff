"""The backfiller at a scripted HTTP server, with a real log: gaps are filled, or given up in time. Real sockets, virtual time."""

import asyncio
import logging
from decimal import Decimal

import pytest

from producer.feeds.contract import VenueTrade
from producer.rest.client import UnknownPair
from tests.producer.live.backfilling import BEGIN_S, TradesFeed, backfilling, failing_from, market
from tests.producer.live.parts import now_s, until
from tests.producer.scripted_venue import MINUTE_MS, START_MS, ReceivedRequest, Reply
from volcast.log.contract import KeyValue
from volcast.proof.virtual_time import run_with_sockets


def test_missing_minutes_are_requested_page_by_page_and_written() -> None:
    async def main() -> None:
        async with backfilling(market, next_minute=25) as setup:
            await until(9.5)
            assert await setup.minutes() == list(range(25, 60))
            assert len(setup.candle_requests()) <= 5
            assert {record["closed_by"] for record in await setup.records()} == {"rest"}

    run_with_sockets(main())


def test_without_missing_minutes_nothing_is_requested() -> None:
    async def main() -> None:
        async with backfilling(market, next_minute=60) as setup:
            await until(68.5)
            assert setup.server.requests == [], "the minute is overdue ten seconds after its end"
            await until(70.0)
            assert await setup.minutes() == [60]
            for minute in range(61, 70):
                await until((minute - 60) * 60 + 60)
                setup.receive_candle(minute)
            assert len(setup.candle_requests()) == 1
            assert await setup.minutes() == list(range(60, 70))

    run_with_sockets(main())


def test_a_candle_behind_a_gap_causes_a_request_at_once() -> None:
    async def main() -> None:
        async with backfilling(market, next_minute=59) as setup:
            await until(2.0)
            assert setup.server.requests == []
            setup.receive_candle(60)
            await until(4.0)
            assert await setup.minutes() == [59, 60]

    run_with_sockets(main())


def test_a_gap_that_appears_during_a_request_is_filled_too() -> None:
    """A live candle comes behind a second gap, during the request for the first."""

    async def main() -> None:
        def answer(request: ReceivedRequest) -> Reply:
            if len(setup.candle_requests()) == 1:
                setup.receive_candle(62)
            return market(request)

        async with backfilling(answer, next_minute=59) as setup:
            await until(121.0)
            setup.receive_candle(60)
            await until(126.0)
            assert await setup.minutes() == [59, 60, 61, 62]

    run_with_sockets(main())


def unknown(_: ReceivedRequest) -> Reply:
    return Reply(400, b'{"error": "unknown"}')


def test_a_pair_that_neither_the_venue_nor_the_log_knows_raises_unknown_pair_with_the_symbol() -> None:
    async def main() -> None:
        async with backfilling(unknown, is_new=True) as setup:
            await asyncio.wait([setup.task], timeout=60.0)
            assert setup.task.done()

    with pytest.raises(UnknownPair, match=r"^BTCUSDT\.PLAIN: plain has no such market"):
        run_with_sockets(main())


def test_a_pair_of_the_log_that_the_venue_no_longer_knows_is_asked_for_rarely(caplog: pytest.LogCaptureFixture) -> None:
    """It was delisted while no producer ran. For a day there is one warning and a few requests; then it is back, complete."""

    async def main() -> None:
        async with backfilling(failing_from(0.0, Reply(400, b'{"error": "unknown"}'), 20_000.0), next_minute=50) as setup:
            await until(86.0)
            assert "no such market" in setup.subscription.unlisted
            await until(19_000.0)
            asked = len(setup.candle_requests())
            assert not setup.task.done()
            assert asked <= 12
            await until(26_000.0)
            assert setup.subscription.unlisted == ""
            found = await setup.minutes()
            assert found == list(range(50, 50 + len(found)))
            assert len(found) > 400

    run_with_sockets(main())
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert sum("is gone, and is asked for rarely" in text for text in warned) == 1
    assert sum("has this market again" in text for text in warned) == 1


def test_a_delisted_pair_with_a_live_candle_is_asked_for_at_once() -> None:
    async def main() -> None:
        async with backfilling(failing_from(0.0, Reply(400, b'{"error": "unknown"}'), 600.0), next_minute=50) as setup:
            await until(640.0)
            setup.receive_candle(69)
            await until(670.0)
            assert await setup.minutes() == list(range(50, 71))

    run_with_sockets(main())


@pytest.mark.parametrize(
    ("reply", "reason"), [(Reply(503), "503"), (Reply(400, b'{"error": "unknown"}'), "no such market"), (Reply(0), "plain")]
)
def test_a_gap_that_is_not_filled_is_given_up_when_its_budget_is_used_up(reply: Reply, reason: str) -> None:
    """Whether the venue is down, or has delisted a pair that it knew before."""

    async def main() -> None:
        async with backfilling(failing_from(30.0, reply), next_minute=50) as setup:
            await until(119.5)
            setup.receive_candle(61)
            await until(125.0)
            assert len(await setup.records()) == 10
            await until(200.0)
            gap, candle = (await setup.records())[10:]
            assert (gap["from_ms"], gap["to_ms"]) == (START_MS + 60 * MINUTE_MS, START_MS + 61 * MINUTE_MS)
            assert reason in gap["reason"]
            assert candle["open_time_ms"] == gap["to_ms"]

    run_with_sockets(main())


def test_a_gap_is_filled_if_the_venue_answers_again_in_time() -> None:
    async def main() -> None:
        async with backfilling(failing_from(30.0, Reply(503), 122.0), next_minute=50) as setup:
            await until(119.5)
            setup.receive_candle(61)
            await until(140.0)
            assert await setup.minutes() == list(range(50, 62))

    run_with_sockets(main())


def test_after_a_long_outage_the_budget_begins_with_the_first_candle_behind_the_gap() -> None:
    """The stream is back before REST is."""

    async def main() -> None:
        async with backfilling(failing_from(30.0, Reply(503), 690.0), next_minute=50) as setup:
            await until(660.0)
            setup.receive_candle(70)
            await until(720.0)
            assert await setup.minutes() == list(range(50, 71))

    run_with_sockets(main())


def test_without_a_candle_behind_them_missing_minutes_never_become_a_gap() -> None:
    async def main() -> None:
        async with backfilling(failing_from(30.0, Reply(503), 600.0), next_minute=50) as setup:
            await until(599.0)
            before, had_failed = await setup.minutes(), setup.subscription.last_request_failed
            await until(660.0)
            assert (before, had_failed) == (list(range(50, 60)), True)
            assert await setup.minutes() == list(range(50, 70))
            assert {record["kind"] for record in await setup.records()} == {"candle"}
            assert not setup.subscription.last_request_failed

    run_with_sockets(main())


def test_an_outage_of_rest_is_logged_as_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="producer.live.backfill")

    async def main() -> None:
        async with backfilling(failing_from(0.0, Reply(503), 400.0)):
            await until(450.0)

    run_with_sockets(main())
    levels = [record.levelno for record in caplog.records if record.name == "producer.live.backfill"]
    assert levels[0] == logging.WARNING
    assert len(levels) > 5
    assert set(levels[1:]) == {logging.DEBUG}


def trade(number: int, second: float) -> VenueTrade:
    time_us = round((BEGIN_S + second) * 1_000_000)
    return VenueTrade("BTCUSDT", number, time_us, Decimal(7), Decimal(1))


@pytest.mark.parametrize("alive", [True, False])
def test_if_rest_fails_a_minute_is_closed_by_a_live_connection(*, alive: bool) -> None:
    """A pair trades once in five minutes: its empty minutes follow from the silence, once the budget is used up."""

    async def main() -> None:
        async with backfilling(failing_from(0.0, Reply(503)), next_minute=59, feed=TradesFeed()) as setup:
            builder = setup.connection.builders["BTCUSDT"]
            for number in range(4):
                one = trade(number, 300.0 * number - 902.0)
                builder.add_trade(one, one.time_us // 1_000)
            assert list(builder.closed_candles())[-1].end_ms == START_MS + 59 * MINUTE_MS
            for second in range(300):
                await until(second)
                if alive:
                    setup.connection.last_frame_s = now_s()
                if second == 65:
                    assert await setup.records() == [], (
                        "a minute is overdue ten seconds after its end, and its budget begins then"
                    )
            records = await setup.records()
            assert {record["closed_by"] for record in records} == ({"watermark"} if alive else set())
            assert [record["synthetic"] for record in records] == [False, True, True, True][: len(records)]
            assert {record["close"] for record in records} <= {"7"}
            assert len(records) >= 2 or not alive

    run_with_sockets(main())


def test_while_the_log_is_slow_nothing_is_requested() -> None:
    async def main() -> None:
        async with backfilling(market, next_minute=50, appends=False) as setup:
            setup.queue.put([KeyValue(b"other", b"{}")] * 2_001)
            await until(600.0)
            assert setup.server.requests == []
            appending = asyncio.create_task(setup.queue.run())
            await until(620.0)
            assert (await setup.minutes()) == list(range(50, 70))
            appending.cancel()
            await asyncio.wait([appending])

    run_with_sockets(main())
