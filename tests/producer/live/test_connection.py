"""One connection against a venue's websocket end, real sockets in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from producer.feeds.contract import Message, MessageKind
from producer.live.connection import MAX_FRAME_BYTES, MAX_GARBAGE, Connection, Endpoint
from producer.rest.clock import VenueClock
from tests.producer.plain_lines import PAIRS, Caller, Play, SpeakingFeed, Venue, stay, until_gone, venue, wall
from volcast.proof.virtual_time import run_with_sockets


def no_hear(_line: Connection, _message: Message) -> None:
    """Nobody listens."""


def line(place: Endpoint, hear: Callable[[Connection, Message], None] = no_hear) -> Connection:
    return Connection(SpeakingFeed(), PAIRS, place, hear, VenueClock(wall))


@asynccontextmanager
async def listening(
    play: Play, hear: Callable[[Connection, Message], None] = no_hear
) -> AsyncIterator[tuple[Venue, Connection, asyncio.Task[None]]]:
    """A line that listens; in the end it is closed."""
    async with venue(play) as made:
        one = line(made.place(), hear)
        await one.open()
        task = asyncio.create_task(one.listen())
        yield made, one, task
        task.cancel()
        await asyncio.wait([task])


def test_it_subscribes_and_pings_at_the_feeds_pace() -> None:
    async def main() -> None:
        async with listening(stay) as (made, _, _task):
            await asyncio.sleep(65.0)
            assert [text for _, text in made.callers[0].said] == ["subscribe BTCUSDT", "subscribe ETHUSDT", *["ping"] * 3]
            first, second, *pings = [at_s for at_s, _ in made.callers[0].said]
            assert second - first == pytest.approx(0.5, abs=0.01)
            assert [at_s - first for at_s in pings] == pytest.approx([21.0, 41.0, 61.0], abs=0.1)

    run_with_sockets(main())


def test_it_hands_on_each_frame_in_order_and_knows_when_the_last_one_came() -> None:
    async def main() -> None:
        async def play(caller: Caller, _: int) -> None:
            for text in ("beat", "open BTCUSDT 0", "closed BTCUSDT 0", "notice"):
                await asyncio.sleep(1.0)
                caller.say(text)
            await stay(caller, 0)

        heard: list[MessageKind] = []
        async with listening(play, lambda _, message: heard.append(message.kind)) as (_made, one, _task):
            assert one.why_ended is None
            await asyncio.sleep(10.0)
            assert heard == [MessageKind.HEARTBEAT, MessageKind.CANDLES, MessageKind.CANDLES, MessageKind.RECONNECT]
            assert one.alive_s - one.opened_s == pytest.approx(4.0, abs=0.1)

    run_with_sockets(main())


def ends(play: Play) -> Connection:
    """-> a line that has ended by itself, its socket closed."""

    async def main() -> Connection:
        async with listening(play) as (_made, one, task):
            async with asyncio.timeout(600.0):
                await task
            assert one.changed.is_set()
            return one

    return run_with_sockets(main())


async def goodbye(caller: Caller, _: int) -> None:
    await caller.wire.close(1012, "restart")


async def cut(caller: Caller, _: int) -> None:
    caller.wire.cut()


async def deaf(caller: Caller, _: int) -> None:
    caller.wire.go_deaf()
    await asyncio.Event().wait()


async def huge(caller: Caller, _: int) -> None:
    caller.say("x" * (MAX_FRAME_BYTES + 1))
    await asyncio.Event().wait()


async def no_text(caller: Caller, _: int) -> None:
    caller.wire.protocol.send_text(b"\xff\xfe")
    caller.wire.send_data()
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("play", "why"),
    [(goodbye, "closed_1012"), (cut, "cut"), (deaf, "closed_1011"), (huge, "closed_1009"), (no_text, "closed_1007")],
)
def test_how_it_ended_is_told(play: Play, why: str) -> None:
    assert ends(play).why_ended == why


def test_the_largest_frame_is_read() -> None:
    async def play(caller: Caller, _: int) -> None:
        caller.say("x" * MAX_FRAME_BYTES)
        await goodbye(caller, 0)

    one = ends(play)
    assert (one.why_ended, one.garbage) == ("closed_1012", 1)


def test_nothing_but_garbage_ends_it() -> None:
    async def play(caller: Caller, _: int) -> None:
        while caller.say("<html>") and caller.say(b"\x00"):
            await asyncio.sleep(1.0)

    one = ends(play)
    assert (one.why_ended, one.garbage) == ("garbage", MAX_GARBAGE + 1)


def test_garbage_among_good_frames_is_only_counted() -> None:
    async def play(caller: Caller, _: int) -> None:
        for number in range(4 * MAX_GARBAGE):
            caller.say("?" if number % MAX_GARBAGE else "beat")
        await goodbye(caller, 0)

    one = ends(play)
    assert (one.why_ended, one.garbage) == ("closed_1012", 4 * MAX_GARBAGE - 4)


@pytest.mark.parametrize("play", [stay, deaf], ids=["polite", "deaf"])
def test_cancelled_it_closes_the_connection(play: Play) -> None:
    async def main() -> None:
        async with listening(play) as (_made, one, task):
            await asyncio.sleep(5.0)
            task.cancel()
            await asyncio.wait([task])
            assert one.why_ended == "closed here"

    run_with_sockets(main())


def test_cancelled_while_it_says_goodbye_it_closes_the_connection_all_the_same() -> None:
    """To a venue that does not answer, for it is half gone."""

    async def main() -> None:
        async def play(caller: Caller, _: int) -> None:
            for _ in range(MAX_GARBAGE + 1):
                caller.say("?")
            await deaf(caller, 0)

        async with listening(play) as (made, one, task):
            await one.changed.wait()
            assert not task.done(), "it waits for the venue's goodbye"
            task.cancel()
            await asyncio.wait([task])
            await until_gone(made)

    run_with_sockets(main())


def test_what_its_hearer_raises_ends_it_and_is_raised() -> None:
    async def main() -> None:
        def hear(_line: Connection, _message: Message) -> None:
            raise ArithmeticError("a bug")

        async def play(caller: Caller, _: int) -> None:
            caller.say("beat")
            await stay(caller, 0)

        async with listening(play, hear) as (made, one, task):
            await asyncio.wait([task])
            assert isinstance(task.exception(), ArithmeticError)
            assert one.why_ended == "closed here"
            await until_gone(made)

    run_with_sockets(main())
