"""How a reconnector and its connections end: cancelled at any moment, or by an error of `on_message`. Nothing is left behind."""

import asyncio

import pytest

from tests.producer.live.parts import now_s, until
from tests.producer.live.reconnecting import notice_then_cut, reconnecting, send_data
from tests.producer.live.scripted_stream import Script, VenueConnection, client_tasks, refusal, send_nothing, stream_server
from volcast.log.contract import KeyValue, Unavailable
from volcast.proof.virtual_time import run_with_sockets

MOMENTS_S = (0.0, 0.4, 0.501, 0.51, 1.0, 30.0, 100.4, 101.2, 120.0, 165.0)


@pytest.mark.parametrize("at_s", MOMENTS_S)
def test_a_reconnector_cancelled_at_any_moment_leaves_nothing_behind(at_s: float) -> None:
    """Before, in and after a handshake, with one connection and with two. `stream_server` checks what is left."""

    async def main() -> None:
        async with stream_server(notice_then_cut(100.0, 150.0)) as server, reconnecting(server):
            await until(at_s)

    run_with_sockets(main())


def half_open_after(notice_s: float, half_open_s: float) -> Script:
    """The first connection gives notice and then becomes half open: its closing handshake will not be answered."""

    async def script(connection: VenueConnection, number: int) -> None:
        if number == 0:
            await connection.send_data(until_s=notice_s)
            connection.send("notice")
            await connection.send_data(until_s=half_open_s)
            connection.socket.become_half_open()
            await send_nothing(connection, number)
        await connection.send_data()

    return script


def test_a_reconnector_cancelled_while_it_closes_the_old_connection_leaves_nothing_behind() -> None:
    async def main() -> None:
        async with stream_server(half_open_after(100.0, 112.0)) as server, reconnecting(server) as setup:
            await until(110.0)
            old, _ = setup.reconnector.connections
            async with asyncio.timeout(600.0):
                while old in setup.reconnector.connections:
                    await asyncio.sleep(0.1)
            assert len(server.open_sockets) == 2, "it waits for the venue's closing frame"
            setup.task.cancel()
            await asyncio.wait([setup.task])
            assert client_tasks() == []

    run_with_sockets(main())


def test_a_connection_that_ended_here_is_closed_even_if_its_successor_is_faster() -> None:
    async def main() -> None:
        async def script(connection: VenueConnection, number: int) -> None:
            if number == 0:
                await connection.send_data(until_s=70.0)
                for _ in range(60):
                    connection.send("garbage")
                connection.socket.become_half_open()
                await send_nothing(connection, number)
            await connection.send_data()

        async with stream_server(script) as server, reconnecting(server) as setup:
            await until(90.0)
            assert setup.stats.replaced == {"garbage": 1}
            assert setup.stats.frames["garbage"] >= 50
            assert server.open_sockets == {server.connections[1].socket}

    run_with_sockets(main())


def test_an_error_of_on_message_ends_the_reconnector_at_once() -> None:
    """A log that does not keep up, or a bug, must be known before the venue accepts a connection again."""

    async def main() -> None:
        def put(_: list[KeyValue]) -> None:
            raise Unavailable("the log does not keep up")

        refusing = stream_server(send_data, answer=lambda number: refusal(503) if number else None)
        async with refusing as server, reconnecting(server, put=put) as setup:
            await asyncio.wait([setup.task], timeout=300.0)
            ended_s.append(now_s())

    ended_s: list[float] = []
    with pytest.raises(Unavailable):
        run_with_sockets(main())
    assert ended_s[0] < 65.0, "the first candle comes after a minute"
