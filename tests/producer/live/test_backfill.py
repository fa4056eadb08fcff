"""The keeper against a venue's HTTP end, on a real log: holes are filled, or given up in time. Real sockets, virtual time."""

import asyncio
import logging
from decimal import Decimal

import pytest

from producer.feeds.contract import VenueTrade
from producer.rest.client import UnknownPair
from tests.producer.keeper_stage import BEGIN_S, Trading, asked_for, keeping, market, now_s, refuses_from, until
from tests.producer.plain_venue import MINUTE_MS, START_MS, Asked, Reply
from volcast.log.contract import KeyValue
from volcast.proof.virtual_time import run_with_sockets


def test_what_is_missing_is_asked_for_page_by_page_and_written() -> None:
    async def main() -> None:
        async with keeping(market, next_minute=25) as kept:
            await until(9.5)
            assert await kept.minutes() == list(range(25, 60))
            assert len(asked_for(kept.server.asked)) <= 5
            assert {record["closed_by"] for record in await kept.records()} == {"rest"}

    run_with_sockets(main())


def test_while_nothing_is_missing_nobody_is_asked() -> None:
    async def main() -> None:
        async with keeping(market, next_minute=60) as kept:
            await until(68.5)
            assert kept.server.asked == [], "it is due ten seconds after its end"
            await until(70.0)
            assert await kept.minutes() == [60]
            for minute in range(61, 70):
                await until((minute - 60) * 60 + 60)
                kept.heard(minute)
            assert len(asked_for(kept.server.asked)) == 1
            assert await kept.minutes() == list(range(60, 70))

    run_with_sockets(main())


def test_a_candle_behind_a_hole_makes_it_ask_at_once() -> None:
    async def main() -> None:
        async with keeping(market, next_minute=59) as kept:
            await until(2.0)
            assert kept.server.asked == []
            kept.heard(60)
            await until(4.0)
            assert await kept.minutes() == [59, 60]

    run_with_sockets(main())


def test_a_stir_that_comes_while_it_asks_is_not_lost() -> None:
    """A live candle behind a second hole, during the question for the first."""

    async def main() -> None:
        def answer(asked: Asked) -> Reply:
            if len(asked_for(kept.server.asked)) == 1:
                kept.heard(62)
            return market(asked)

        async with keeping(answer, next_minute=59) as kept:
            await until(121.0)
            kept.heard(60)
            await until(126.0)
            assert await kept.minutes() == [59, 60, 61, 62]

    run_with_sockets(main())


def unknown(_: Asked) -> Reply:
    return Reply(400, b'{"error": "unknown"}')


def test_a_pair_that_the_venue_never_knew_is_raised_with_its_symbol() -> None:
    async def main() -> None:
        async with keeping(unknown) as kept:
            await asyncio.wait([kept.task], timeout=60.0)
            assert kept.task.done()

    with pytest.raises(UnknownPair, match=r"^BTCUSDT\.PLAIN: plain has no such market"):
        run_with_sockets(main())


@pytest.mark.parametrize(
    ("reply", "reason"), [(Reply(503), "503"), (Reply(400, b'{"error": "unknown"}'), "no such market"), (Reply(0), "plain")]
)
def test_a_hole_that_the_venue_does_not_fill_is_given_up_when_the_budget_is_used_up(reply: Reply, reason: str) -> None:
    """Whether it is ill, or has taken the pair off: it knew it before."""

    async def main() -> None:
        async with keeping(refuses_from(30.0, reply), next_minute=50) as kept:
            await until(119.5)
            kept.heard(61)
            await until(125.0)
            assert len(await kept.records()) == 10
            await until(200.0)
            gap, candle = (await kept.records())[10:]
            assert (gap["from_ms"], gap["to_ms"]) == (START_MS + 60 * MINUTE_MS, START_MS + 61 * MINUTE_MS)
            assert reason in gap["reason"]
            assert candle["open_time_ms"] == gap["to_ms"]

    run_with_sockets(main())


def test_a_venue_that_is_back_in_time_fills_the_hole() -> None:
    async def main() -> None:
        async with keeping(refuses_from(30.0, Reply(503), 122.0), next_minute=50) as kept:
            await until(119.5)
            kept.heard(61)
            await until(140.0)
            assert await kept.minutes() == list(range(50, 62))

    run_with_sockets(main())


def test_after_a_long_silence_of_all_the_budget_begins_with_the_first_candle_behind_the_hole() -> None:
    """The stream is back before the answers are."""

    async def main() -> None:
        async with keeping(refuses_from(30.0, Reply(503), 690.0), next_minute=50) as kept:
            await until(660.0)
            kept.heard(70)
            await until(720.0)
            assert await kept.minutes() == list(range(50, 71))

    run_with_sockets(main())


def test_as_long_as_nothing_stands_behind_it_a_hole_is_none() -> None:
    async def main() -> None:
        async with keeping(refuses_from(30.0, Reply(503), 600.0), next_minute=50) as kept:
            await until(599.0)
            before, was_unanswered = await kept.minutes(), kept.stream.unanswered
            await until(660.0)
            assert (before, was_unanswered) == (list(range(50, 60)), True)
            assert await kept.minutes() == list(range(50, 70))
            assert {record["kind"] for record in await kept.records()} == {"candle"}
            assert not kept.stream.unanswered

    run_with_sockets(main())


def test_a_venue_that_is_ill_for_long_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="producer.live.backfill")

    async def main() -> None:
        async with keeping(refuses_from(0.0, Reply(503), 400.0)):
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
def test_where_the_venue_does_not_answer_a_line_that_is_alive_must_do(*, alive: bool) -> None:
    """A pair that trades once in five minutes: its empty minutes are told by the silence, once the budget is used up."""

    async def main() -> None:
        async with keeping(refuses_from(0.0, Reply(503)), next_minute=59, feed=Trading()) as kept:
            tape = kept.line.tapes["BTCUSDT"]
            for number in range(4):
                one = trade(number, 300.0 * number - 902.0)
                tape.trade(one, one.time_us // 1_000)
            assert list(tape.closed())[-1].end_ms == START_MS + 59 * MINUTE_MS
            for second in range(300):
                await until(second)
                if alive:
                    kept.line.alive_s = now_s()
                if second == 65:
                    assert await kept.records() == [], "a minute is missed ten seconds after its end; its budget begins then"
            records = await kept.records()
            assert {record["closed_by"] for record in records} == ({"watermark"} if alive else set())
            assert [record["synthetic"] for record in records] == [False, True, True, True][: len(records)]
            assert {record["close"] for record in records} <= {"7"}
            assert len(records) >= 2 or not alive

    run_with_sockets(main())


def test_while_the_log_is_slow_nothing_is_asked_for() -> None:
    async def main() -> None:
        async with keeping(market, next_minute=50, writes=False) as kept:
            kept.outbox.put([KeyValue(b"other", b"{}")] * 2_001)
            await until(600.0)
            assert kept.server.asked == []
            writing = asyncio.create_task(kept.outbox.run())
            await until(620.0)
            assert (await kept.minutes()) == list(range(50, 70))
            writing.cancel()
            await asyncio.wait([writing])

    run_with_sockets(main())
