"""How a lane ends, and its lines: cancelled at any moment, or with an error of whoever hears; nothing is left behind."""

import asyncio

import pytest

from tests.producer.lane_stage import carrying, good, speaking_until, until
from tests.producer.plain_lines import Caller, Play, left_behind, now_s, refusal, stay, venue
from volcast.log.contract import KeyValue, Unavailable
from volcast.proof.virtual_time import run_with_sockets

MOMENTS_S = (0.0, 0.4, 0.501, 0.51, 1.0, 30.0, 100.4, 101.2, 120.0, 165.0)


@pytest.mark.parametrize("at_s", MOMENTS_S)
def test_cancelled_at_any_moment_it_leaves_nothing_behind(at_s: float) -> None:
    """Before, in and after a handshake, alone and with two lines; `carrying` looks."""

    async def main() -> None:
        async with venue(speaking_until(100.0, 150.0)) as made, carrying(made):
            await until(at_s)

    run_with_sockets(main())


def deaf_after(notice_s: float, deaf_s: float) -> Play:
    """The first line gives notice, and then stands without a word: its goodbye will not be answered."""

    async def play(caller: Caller, number: int) -> None:
        if number == 0:
            await caller.speak(until_s=notice_s)
            caller.say("notice")
            await caller.speak(until_s=deaf_s)
            caller.wire.go_deaf()
            await stay(caller, number)
        await caller.speak()

    return play


def test_cancelled_while_it_closes_the_old_line_it_leaves_nothing_behind() -> None:
    async def main() -> None:
        async with venue(deaf_after(100.0, 112.0)) as made, carrying(made) as one:
            await until(110.0)
            old, _ = one.lane.lines
            async with asyncio.timeout(600.0):
                while old in one.lane.lines:
                    await asyncio.sleep(0.1)
            assert len(made.wires) == 2, "it waits for the venue's goodbye"
            one.task.cancel()
            await asyncio.wait([one.task])
            assert left_behind() == []

    run_with_sockets(main())


def test_a_line_that_ended_here_is_closed_though_its_successor_comes_sooner_than_the_venues_goodbye() -> None:
    async def main() -> None:
        async def play(caller: Caller, number: int) -> None:
            if number == 0:
                await caller.speak(until_s=70.0)
                for _ in range(60):
                    caller.say("garbage")
                caller.wire.go_deaf()
                await stay(caller, number)
            await caller.speak()

        async with venue(play) as made, carrying(made) as one:
            await until(90.0)
            assert one.tally.left == {"garbage": 1}
            assert one.tally.frames["garbage"] >= 50
            assert made.wires == {made.callers[1].wire}

    run_with_sockets(main())


def test_what_the_desk_raises_ends_the_lane_at_once() -> None:
    """A log that does not keep up, or a bug: it must be known before the venue lets us in again."""

    async def main() -> None:
        def put(_: list[KeyValue]) -> None:
            raise Unavailable("the log does not keep up")

        refusing = venue(good, answer=lambda number: refusal(503) if number else None)
        async with refusing as made, carrying(made, put=put) as one:
            await asyncio.wait([one.task], timeout=300.0)
            ended_s.append(now_s())

    ended_s: list[float] = []
    with pytest.raises(Unavailable):
        run_with_sockets(main())
    assert ended_s[0] < 65.0, "its first candle comes after a minute"
