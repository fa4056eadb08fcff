"""A lane against a venue that plays by script: real sockets, virtual time, the real desk behind it."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest

from producer.live.connection import Connection
from producer.live.reconnect import HAND_OVER_S, PROVE_S, Reconnector
from producer.live.stats import LiveStats
from producer.rest.clock import VenueClock
from tests.producer.lane_stage import Carried, carrying, good, speaking_until, until
from tests.producer.plain_lines import PAIRS, Caller, SpeakingFeed, now_s, refusal, stay, venue, wall
from volcast.pacing import CAP_S, GOOD_S, Pacer
from volcast.proof.virtual_time import run_with_sockets


def gaps(times_s: Sequence[float]) -> list[int]:
    return [round(after - before) for before, after in pairwise(times_s)]


def minutes(one: Carried) -> int:
    """Closed candles of each pair, all there from the first on."""
    counts = {pair: sum(key == f"{pair}.PLAIN".encode() for key, _ in one.written) for pair in PAIRS}
    assert len(set(counts.values())) == 1
    return counts[PAIRS[0]]


def test_refused_again_and_again_it_asks_ever_more_rarely() -> None:
    async def main() -> None:
        async with venue(stay, answer=lambda _: refusal(503)) as made, carrying(made) as one:
            await until(200.0)
            assert gaps(made.knocks_s) == [1, 2, 4, 8, 16, 32, CAP_S, CAP_S]
            assert one.tally.connects == {"http_503": len(made.knocks_s)}
            assert one.lane.lines == []

    run_with_sockets(main())


@pytest.mark.parametrize("speaks", [True, False], ids=["data", "only heartbeats"])
@pytest.mark.parametrize("for_s", [GOOD_S - 10.0, GOOD_S + 10.0])
def test_only_a_while_of_good_data_makes_the_next_pause_a_short_one(*, speaks: bool, for_s: float) -> None:
    async def main() -> None:
        async def play(caller: Caller, number: int) -> None:
            if number == 1:
                await until(now_s() + 1_000.0)
            if speaks:
                await caller.speak(until_s=now_s() + for_s)
            while now_s() < caller.at_s + for_s and caller.say("beat"):
                await asyncio.sleep(1.0)
            caller.wire.cut()

        async with venue(play, answer=lambda number: refusal(503) if number < 5 else None) as made, carrying(made):
            await until(300.0)
            pause_s = made.knocks_s[6] - made.callers[0].at_s
            is_good = speaks and for_s > GOOD_S
            assert pause_s == pytest.approx(min(for_s, PROVE_S + 1.0) + (1.0 if is_good else 32.0), abs=2.0) or is_good
            assert (pause_s - for_s < 5.0) is is_good

    run_with_sockets(main())


def test_lanes_of_a_venue_take_turns_to_connect() -> None:
    async def main() -> None:
        pacer = Pacer(5.0)
        async with (
            venue(good) as made,
            carrying(made, pairs=PAIRS[:1], pacer=pacer),
            carrying(made, pairs=PAIRS[1:], pacer=pacer),
        ):
            await until(20.0)
            made.callers[0].wire.cut()
            made.callers[1].wire.cut()
            await until(60.0)
            assert len(made.knocks_s) == 4
            assert min(gaps(made.knocks_s)) == 5

    run_with_sockets(main())


def test_upon_notice_the_old_line_stays_until_the_new_one_is_proven() -> None:
    async def main() -> None:
        async with venue(speaking_until(100.0, 1_000.0)) as made, carrying(made) as one:
            await until(110.0)
            assert [line.notice for line in one.lane.lines] == ["an upgrade", None]
            await until(100.0 + HAND_OVER_S + 5.0)
            assert [line.notice for line in one.lane.lines] == [None]
            assert len(made.wires) == 1
            await until(400.0)
            assert one.tally.left == {"notice": 1}
            assert one.tally.connects == {"ok": 2}
            assert minutes(one) == 6

    run_with_sockets(main())


def test_a_successor_that_never_speaks_is_given_up_while_the_old_line_lives() -> None:
    async def main() -> None:
        async def play(caller: Caller, number: int) -> None:
            if number == 0:
                await caller.speak(until_s=100.0)
                caller.say("notice")
                await caller.speak()
            elif number == 1:
                await stay(caller, number)
            await caller.speak()

        async with venue(play) as made, carrying(made) as one:
            await until(600.0)
            first, mute, proven = made.callers
            assert 100.0 < mute.at_s < 110.0
            assert PROVE_S <= proven.at_s - mute.at_s <= PROVE_S + 5.0
            assert made.wires == {proven.wire}
            assert first.at_s < 2.0
            assert len(one.lane.lines) == 1
            assert minutes(one) == 9, "the old line told them all meanwhile"
            assert one.tally.left == {"notice": 1}

    run_with_sockets(main())


@pytest.mark.parametrize("end_s", [100.0, 101.0, 103.0, 130.0])
def test_an_old_line_that_dies_during_the_hand_over_is_no_reason_to_wait(end_s: float) -> None:
    async def main() -> None:
        async with venue(speaking_until(100.0, end_s)) as made, carrying(made) as one:
            await until(end_s + 6.0)
            assert [line.why_ended for line in one.lane.lines] == [None]
            await until(300.0)
            assert one.tally.left in ({"notice": 1}, {"cut": 1})
            assert one.tally.connects == {"ok": 2}

    run_with_sockets(main())


@pytest.mark.parametrize("old_s", [103.0, 105.0, 500.0])
def test_a_successor_that_dies_during_the_hand_over_is_followed_by_another(old_s: float) -> None:
    async def main() -> None:
        async def play(caller: Caller, number: int) -> None:
            if number == 1:
                await caller.speak(until_s=104.0)
                caller.wire.cut()
            await speaking_until(100.0, old_s)(caller, number)

        async with venue(play) as made, carrying(made) as one:
            await until(700.0)
            assert [caller.wire in made.wires for caller in made.callers] == [False, False, True]
            assert [line.why_ended for line in one.lane.lines] == [None]

    run_with_sockets(main())


def test_a_notice_that_comes_while_the_lane_is_busy_is_not_lost() -> None:
    """On the successor, before the old line has gone; and as the very first frame."""

    async def main() -> None:
        async def play(caller: Caller, number: int) -> None:
            if number == 2:
                caller.say("notice")
            await caller.speak(until_s={0: 100.0, 1: 110.0}.get(number, float("inf")))
            caller.say("notice")
            await caller.speak()

        async with venue(play) as made, carrying(made) as one:
            await until(1_200.0)
            assert len(made.callers) == 4
            assert made.wires == {made.callers[3].wire}
            assert one.tally.left == {"notice": 3}
            assert minutes(one) == 19

    run_with_sockets(main())


def test_a_stream_that_goes_silent_costs_the_line_and_is_heard_on_the_next() -> None:
    async def main() -> None:
        async def play(caller: Caller, number: int) -> None:
            if number == 0:
                await caller.speak(until_s=100.0)
                await caller.speak(pairs=PAIRS[:1])
            await caller.speak()

        async with venue(play) as made, carrying(made) as one:
            await until(130.0)
            assert len(made.callers) == 1, "twenty usual pauses are 40 s"
            await until(1_000.0)
            assert one.tally.left == {"silence": 1}
            assert made.wires == {made.callers[1].wire}

    run_with_sockets(main())


def test_a_pair_that_has_stopped_trading_costs_ever_fewer_lines() -> None:
    async def main() -> None:
        async def play(caller: Caller, number: int) -> None:
            await caller.speak(pairs=PAIRS if number == 0 else PAIRS[:1], until_s=100.0 if number == 0 else float("inf"))
            await caller.speak(pairs=PAIRS[:1])

        async with venue(play) as made, carrying(made) as one:
            await until(7_200.0)
            assert set(one.tally.left) == {"silence"}
            assert 4 <= len(made.callers) <= 14
            assert gaps([caller.at_s for caller in made.callers])[-1] >= 900

    run_with_sockets(main())


def test_two_lines_of_one_age_are_not_left_at_once() -> None:
    async def main() -> None:
        feed = SpeakingFeed(max_age_s=90_000.0)
        async with venue(good) as made:
            lanes = [
                Reconnector(
                    feed,
                    {},
                    made.place(),
                    lambda *_: None,
                    VenueClock(wall),
                    pacer=Pacer(1.0),
                    random=Random(seed),
                    tally=LiveStats(),
                )
                for seed in range(20)
            ]
            line = Connection(feed, PAIRS, made.place(), lambda *_: None, VenueClock(wall))
            retire_s = sorted(lane._retire_s(line) for lane in lanes)
            assert 86_400.0 <= retire_s[0] <= 86_700.0
            assert 87_900.0 <= retire_s[-1] <= 88_200.0

    run_with_sockets(main())
