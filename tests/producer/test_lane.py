"""A lane against a venue that plays by script: real sockets, virtual time, the real desk behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import pytest

from producer.backoff import CAP_S, GOOD_S, Pacer
from producer.desk import Desk, Stream
from producer.lane import HAND_OVER_S, PROVE_S, Lane
from producer.line import Line
from producer.live_tally import LiveTally
from producer.position import Position
from producer.series import Series, Waits
from producer.venue_clock import VenueClock
from tests.producer.plain_lines import (
    PAIRS,
    START_S,
    Caller,
    Play,
    SpeakingFeed,
    Venue,
    left_behind,
    now_s,
    refusal,
    stay,
    venue,
    wall,
)
from volcast.log.contract import KeyValue, Unavailable
from volcast.proof.live.loop import run

WAITS = Waits(settle=3_000, patience=10_000, budget=60_000, retry=5_000)


class Longest(Random):
    """Chance that always takes its time."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002  the standard library's signature
        return b


@dataclass
class Carried:
    """A lane at work."""

    lane: Lane
    tally: LiveTally
    task: asyncio.Task[None]
    written: list[KeyValue]


@asynccontextmanager
async def carrying(
    made: Venue,
    feed: SpeakingFeed | None = None,
    *,
    pairs: Sequence[str] = PAIRS,
    pacer: Pacer | None = None,
    put: Callable[[list[KeyValue]], None] | None = None,
) -> AsyncIterator[Carried]:
    """In the end the lane is cancelled."""
    feed = feed or SpeakingFeed()
    position = Position(START_S * 1_000, None, is_new=True)
    tally, written = LiveTally(), list[KeyValue]()
    streams = [Stream(f"{pair}.PLAIN", pair, Series(position, WAITS, tells_empty_minutes=True)) for pair in pairs]
    desk = Desk("plain", streams, VenueClock(wall), put or written.extend, tally=tally, wall=wall)
    rhythms = {stream.pair: stream.rhythm for stream in streams}
    pacer = pacer or Pacer(feed.limits.connect_every_s)
    lane = Lane(feed, rhythms, made.place(), desk.hear, pacer=pacer, random=Longest(), tally=tally)
    task = asyncio.create_task(lane.run())
    try:
        yield Carried(lane, tally, task, written)
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def until(at_s: float) -> None:
    await asyncio.sleep(at_s - now_s())


def gaps(times_s: Sequence[float]) -> list[int]:
    return [round(after - before) for before, after in pairwise(times_s)]


def minutes(one: Carried) -> int:
    """Closed candles of each pair, all there from the first on."""
    counts = {pair: sum(key == f"{pair}.PLAIN".encode() for key, _ in one.written) for pair in PAIRS}
    assert len(set(counts.values())) == 1
    return counts[PAIRS[0]]


async def good(caller: Caller, _: int) -> None:
    await caller.speak()


def test_refused_again_and_again_it_asks_ever_more_rarely() -> None:
    async def main() -> None:
        async with venue(stay, answer=lambda _: refusal(503)) as made, carrying(made) as one:
            await until(200.0)
            assert gaps(made.knocks_s) == [1, 2, 4, 8, 16, 32, CAP_S, CAP_S]
            assert one.tally.connects == {"http_503": len(made.knocks_s)}
            assert one.lane.lines == []

    run(main())


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

    run(main())


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

    run(main())


def speaking_until(notice_s: float, end_s: float) -> Play:
    """The first line gives notice and is cut; all others speak."""

    async def play(caller: Caller, number: int) -> None:
        if number:
            await caller.speak()
        await caller.speak(until_s=notice_s)
        caller.say("notice")
        await caller.speak(until_s=end_s)
        caller.wire.cut()

    return play


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

    run(main())


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

    run(main())


@pytest.mark.parametrize("end_s", [100.0, 101.0, 103.0, 130.0])
def test_an_old_line_that_dies_during_the_hand_over_is_no_reason_to_wait(end_s: float) -> None:
    async def main() -> None:
        async with venue(speaking_until(100.0, end_s)) as made, carrying(made) as one:
            await until(end_s + 6.0)
            assert [line.why_ended for line in one.lane.lines] == [None]
            await until(300.0)
            assert one.tally.left in ({"notice": 1}, {"cut": 1})
            assert one.tally.connects == {"ok": 2}

    run(main())


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

    run(main())


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

    run(main())


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

    run(main())


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

    run(main())


def test_two_lines_of_one_age_are_not_left_at_once() -> None:
    async def main() -> None:
        feed = SpeakingFeed(max_age_s=90_000.0)
        async with venue(good) as made:
            lanes = [
                Lane(feed, {}, made.place(), lambda *_: None, pacer=Pacer(1.0), random=Random(seed), tally=LiveTally())
                for seed in range(20)
            ]
            line = Line(feed, PAIRS, made.place(), lambda *_: None)
            retire_s = sorted(lane._retire_s(line) for lane in lanes)
            assert 86_400.0 <= retire_s[0] <= 86_700.0
            assert 87_900.0 <= retire_s[-1] <= 88_200.0

    run(main())


MOMENTS_S = (0.0, 0.4, 0.501, 0.51, 1.0, 30.0, 100.4, 101.2, 120.0, 165.0)


@pytest.mark.parametrize("at_s", MOMENTS_S)
def test_cancelled_at_any_moment_it_leaves_nothing_behind(at_s: float) -> None:
    """Before, in and after a handshake, alone and with two lines; `carrying` looks."""

    async def main() -> None:
        async with venue(speaking_until(100.0, 150.0)) as made, carrying(made):
            await until(at_s)

    run(main())


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

    run(main())


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

    run(main())


def test_what_the_desk_raises_ends_the_lane_at_once() -> None:
    """A log that does not keep up, or a bug: it must be known before the venue lets us in again."""

    async def main() -> None:
        def put(_: list[KeyValue]) -> None:
            raise Unavailable("the log does not keep up")

        refusing = venue(good, answer=lambda number: refusal(503) if number else None)
        with pytest.raises(Unavailable):
            async with refusing as made, carrying(made, put=put) as one:
                await asyncio.wait([one.task], timeout=300.0)
                ended_s.append(now_s())

    ended_s: list[float] = []
    run(main())
    assert ended_s[0] < 65.0, "its first candle comes after a minute"
