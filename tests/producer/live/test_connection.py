"""One connection to a scripted stream: real sockets, virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from producer.feeds.contract import Message, MessageKind
from producer.live.connection import MAX_FRAME_BYTES, MAX_GARBAGE, Connection, Endpoint
from producer.rest.clock import VenueClock
from tests.producer.live.parts import PAIRS
from tests.producer.live.scripted_stream import (
    Script,
    StreamFeed,
    StreamServer,
    VenueConnection,
    send_nothing,
    stream_server,
    until_all_closed,
    wall,
)
from volcast.proof.virtual_time import run_with_sockets


def ignore(_: Connection, __: Message) -> None:
    """Do nothing with a frame."""


def connection_to(endpoint: Endpoint, on_message: Callable[[Connection, Message], None] = ignore) -> Connection:
    return Connection(StreamFeed(), PAIRS, endpoint, on_message, VenueClock(wall))


@asynccontextmanager
async def listening(
    script: Script, on_message: Callable[[Connection, Message], None] = ignore
) -> AsyncIterator[tuple[StreamServer, Connection, asyncio.Task[None]]]:
    """A connection that listens; it is closed at the end."""
    async with stream_server(script) as server:
        client = connection_to(server.endpoint(), on_message)
        await client.open()
        task = asyncio.create_task(client.listen())
        yield server, client, task
        task.cancel()
        await asyncio.wait([task])


def test_subscriptions_and_pings_go_out_at_the_venues_pace() -> None:
    async def main() -> None:
        async with listening(send_nothing) as (server, _, _task):
            await asyncio.sleep(65.0)
            assert [text for _, text in server.connections[0].received] == [
                "subscribe BTCUSDT",
                "subscribe ETHUSDT",
                *["ping"] * 3,
            ]
            first, second, *pings = [at_s for at_s, _ in server.connections[0].received]
            assert second - first == pytest.approx(0.5, abs=0.01)
            assert [at_s - first for at_s in pings] == pytest.approx([21.0, 41.0, 61.0], abs=0.1)

    run_with_sockets(main())


def test_frames_are_handed_on_in_order_with_the_time_of_the_last_one() -> None:
    async def main() -> None:
        async def script(connection: VenueConnection, _: int) -> None:
            for text in ("beat", "open BTCUSDT 0", "closed BTCUSDT 0", "notice"):
                await asyncio.sleep(1.0)
                connection.send(text)
            await send_nothing(connection, 0)

        received: list[MessageKind] = []
        async with listening(script, lambda _, message: received.append(message.kind)) as (_server, client, _task):
            assert client.end_reason is None
            await asyncio.sleep(10.0)
            assert received == [MessageKind.HEARTBEAT, MessageKind.CANDLES, MessageKind.CANDLES, MessageKind.RECONNECT]
            assert client.last_frame_s - client.opened_s == pytest.approx(4.0, abs=0.1)

    run_with_sockets(main())


def ended(script: Script) -> Connection:
    """A connection that has ended by itself, with its socket closed."""

    async def main() -> Connection:
        async with listening(script) as (_server, client, task):
            async with asyncio.timeout(600.0):
                await task
            assert client.changed.is_set()
            return client

    return run_with_sockets(main())


async def close_politely(connection: VenueConnection, _: int) -> None:
    await connection.socket.close(1012, "restart")


async def cut(connection: VenueConnection, _: int) -> None:
    connection.socket.cut()


async def half_open(connection: VenueConnection, _: int) -> None:
    connection.socket.become_half_open()
    await asyncio.Event().wait()


async def huge(connection: VenueConnection, _: int) -> None:
    connection.send("x" * (MAX_FRAME_BYTES + 1))
    await asyncio.Event().wait()


async def no_text(connection: VenueConnection, _: int) -> None:
    connection.socket.protocol.send_text(b"\xff\xfe")
    connection.socket.send_data()
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("script", "why"),
    [(close_politely, "closed_1012"), (cut, "cut"), (half_open, "closed_1011"), (huge, "closed_1009"), (no_text, "closed_1007")],
)
def test_the_reason_of_an_end_is_kept(script: Script, why: str) -> None:
    assert ended(script).end_reason == why


def test_the_largest_frame_is_read() -> None:
    async def script(connection: VenueConnection, _: int) -> None:
        connection.send("x" * MAX_FRAME_BYTES)
        await close_politely(connection, 0)

    client = ended(script)
    assert (client.end_reason, client.garbage) == ("closed_1012", 1)


def test_nothing_but_garbage_ends_the_connection() -> None:
    async def script(connection: VenueConnection, _: int) -> None:
        while connection.send("<html>") and connection.send(b"\x00"):
            await asyncio.sleep(1.0)

    client = ended(script)
    assert (client.end_reason, client.garbage) == ("garbage", MAX_GARBAGE + 1)


def test_garbage_among_good_frames_is_only_counted() -> None:
    async def script(connection: VenueConnection, _: int) -> None:
        for number in range(4 * MAX_GARBAGE):
            connection.send("?" if number % MAX_GARBAGE else "beat")
        await close_politely(connection, 0)

    client = ended(script)
    assert (client.end_reason, client.garbage) == ("closed_1012", 4 * MAX_GARBAGE - 4)


@pytest.mark.parametrize("script", [send_nothing, half_open], ids=["polite", "half_open"])
def test_a_cancelled_connection_is_closed(script: Script) -> None:
    async def main() -> None:
        async with listening(script) as (_server, client, task):
            await asyncio.sleep(5.0)
            task.cancel()
            await asyncio.wait([task])
            assert client.end_reason == "closed here"

    run_with_sockets(main())


def test_a_connection_cancelled_during_the_closing_handshake_is_closed_too() -> None:
    """The venue is half open and does not answer."""

    async def main() -> None:
        async def script(connection: VenueConnection, _: int) -> None:
            for _ in range(MAX_GARBAGE + 1):
                connection.send("?")
            await half_open(connection, 0)

        async with listening(script) as (server, client, task):
            await client.changed.wait()
            assert not task.done(), "it waits for the venue's closing frame"
            task.cancel()
            await asyncio.wait([task])
            await until_all_closed(server)

    run_with_sockets(main())


def test_an_error_of_on_message_ends_the_connection_and_is_raised() -> None:
    async def main() -> None:
        def fail(_: Connection, __: Message) -> None:
            raise ArithmeticError("a bug")

        async def script(connection: VenueConnection, _: int) -> None:
            connection.send("beat")
            await send_nothing(connection, 0)

        async with listening(script, fail) as (server, client, task):
            await asyncio.wait([task])
            assert isinstance(task.exception(), ArithmeticError)
            assert client.end_reason == "closed here"
            await until_all_closed(server)

    run_with_sockets(main())
