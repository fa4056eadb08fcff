"""A reconnector at a scripted stream: real sockets, virtual time, and a real dispatcher behind it."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest

from producer.live.connection import Connection
from producer.live.reconnect import HAND_OVER_S, PROVE_S, Reconnector
from producer.live.subscription import LiveStats
from producer.rest.clock import VenueClock
from producer.rest.hold import Hold
from tests.producer.live.parts import PAIRS, now_s, until
from tests.producer.live.reconnecting import ReconnectorSetup, notice_then_cut, reconnecting, send_data
from tests.producer.live.scripted_stream import StreamFeed, VenueConnection, refusal, send_nothing, stream_server, wall
from volcast.proof.virtual_time import run_with_sockets
from volcast.timing.pacing import CAP_S, GOOD_S, Pacer


def pauses(times_s: Sequence[float]) -> list[int]:
    return [round(after - before) for before, after in pairwise(times_s)]


def minutes(setup: ReconnectorSetup) -> int:
    """The number of closed candles of each pair, which must be the same for all."""
    counts = {pair: sum(key == f"{pair}.PLAIN".encode() for key, _ in setup.records) for pair in PAIRS}
    assert len(set(counts.values())) == 1
    return counts[PAIRS[0]]


def test_pauses_between_refused_attempts_grow_to_a_limit() -> None:
    async def main() -> None:
        async with stream_server(send_nothing, answer=lambda _: refusal(503)) as server, reconnecting(server) as setup:
            await until(200.0)
            assert pauses(server.handshakes_s) == [1, 2, 4, 8, 16, 32, CAP_S, CAP_S]
            assert setup.stats.connects == {"http_503": len(server.handshakes_s)}
            assert setup.reconnector.connections == []

    run_with_sockets(main())


@pytest.mark.parametrize("has_data", [True, False], ids=["data", "only heartbeats"])
@pytest.mark.parametrize("for_s", [GOOD_S - 10.0, GOOD_S + 10.0])
def test_only_a_minute_of_data_makes_the_next_pause_short(*, has_data: bool, for_s: float) -> None:
    async def main() -> None:
        async def script(connection: VenueConnection, number: int) -> None:
            if number == 1:
                await until(now_s() + 1_000.0)
            if has_data:
                await connection.send_data(until_s=now_s() + for_s)
            while now_s() < connection.opened_s + for_s and connection.send("beat"):
                await asyncio.sleep(1.0)
            connection.socket.cut()

        async with (
            stream_server(script, answer=lambda number: refusal(503) if number < 5 else None) as server,
            reconnecting(server),
        ):
            await until(300.0)
            pause_s = server.handshakes_s[6] - server.connections[0].opened_s
            is_good = has_data and for_s > GOOD_S
            assert pause_s == pytest.approx(min(for_s, PROVE_S + 1.0) + (1.0 if is_good else 32.0), abs=2.0) or is_good
            assert (pause_s - for_s < 5.0) is is_good

    run_with_sockets(main())


def test_reconnectors_of_a_venue_take_turns_to_connect() -> None:
    async def main() -> None:
        pacer = Pacer(5.0)
        async with (
            stream_server(send_data) as server,
            reconnecting(server, pairs=PAIRS[:1], pacer=pacer),
            reconnecting(server, pairs=PAIRS[1:], pacer=pacer),
        ):
            await until(20.0)
            server.connections[0].socket.cut()
            server.connections[1].socket.cut()
            await until(60.0)
            assert len(server.handshakes_s) == 4
            assert min(pauses(server.handshakes_s)) == 5

    run_with_sockets(main())


def test_on_a_notice_the_old_connection_stays_until_the_new_one_is_proven() -> None:
    async def main() -> None:
        async with stream_server(notice_then_cut(100.0, 1_000.0)) as server, reconnecting(server) as setup:
            await until(110.0)
            assert [each.notice for each in setup.reconnector.connections] == ["an upgrade", None]
            await until(100.0 + HAND_OVER_S + 5.0)
            assert [each.notice for each in setup.reconnector.connections] == [None]
            assert len(server.open_sockets) == 1
            await until(400.0)
            assert setup.stats.replaced == {"notice": 1}
            assert setup.stats.connects == {"ok": 2}
            assert minutes(setup) == 6

    run_with_sockets(main())


def test_a_successor_without_data_is_given_up_while_the_old_connection_is_open() -> None:
    async def main() -> None:
        async def script(connection: VenueConnection, number: int) -> None:
            if number == 0:
                await connection.send_data(until_s=100.0)
                connection.send("notice")
                await connection.send_data()
            elif number == 1:
                await send_nothing(connection, number)
            await connection.send_data()

        async with stream_server(script) as server, reconnecting(server) as setup:
            await until(600.0)
            first, silent, proven = server.connections
            assert 100.0 < silent.opened_s < 110.0
            assert PROVE_S <= proven.opened_s - silent.opened_s <= PROVE_S + 5.0
            assert server.open_sockets == {proven.socket}
            assert first.opened_s < 2.0
            assert len(setup.reconnector.connections) == 1
            assert minutes(setup) == 9, "the old connection brought them all meanwhile"
            assert setup.stats.replaced == {"notice": 1}

    run_with_sockets(main())


@pytest.mark.parametrize("end_s", [100.0, 101.0, 103.0, 130.0])
def test_the_hand_over_ends_when_the_old_connection_does(end_s: float) -> None:
    async def main() -> None:
        async with stream_server(notice_then_cut(100.0, end_s)) as server, reconnecting(server) as setup:
            await until(end_s + 6.0)
            assert [each.end_reason for each in setup.reconnector.connections] == [None]
            await until(300.0)
            assert setup.stats.replaced in ({"notice": 1}, {"cut": 1})
            assert setup.stats.connects == {"ok": 2}

    run_with_sockets(main())


@pytest.mark.parametrize("old_s", [103.0, 105.0, 500.0])
def test_a_successor_that_ends_during_the_hand_over_is_followed_by_another(old_s: float) -> None:
    async def main() -> None:
        async def script(connection: VenueConnection, number: int) -> None:
            if number == 1:
                await connection.send_data(until_s=104.0)
                connection.socket.cut()
            await notice_then_cut(100.0, old_s)(connection, number)

        async with stream_server(script) as server, reconnecting(server) as setup:
            await until(700.0)
            assert [connection.socket in server.open_sockets for connection in server.connections] == [False, False, True]
            assert [each.end_reason for each in setup.reconnector.connections] == [None]

    run_with_sockets(main())


def test_a_notice_during_a_hand_over_is_not_lost() -> None:
    """On the successor before the old connection has closed, and as the very first frame."""

    async def main() -> None:
        async def script(connection: VenueConnection, number: int) -> None:
            if number == 2:
                connection.send("notice")
            await connection.send_data(until_s={0: 100.0, 1: 110.0}.get(number, float("inf")))
            connection.send("notice")
            await connection.send_data()

        async with stream_server(script) as server, reconnecting(server) as setup:
            await until(1_200.0)
            assert len(server.connections) == 4
            assert server.open_sockets == {server.connections[3].socket}
            assert setup.stats.replaced == {"notice": 3}
            assert minutes(setup) == 19

    run_with_sockets(main())


def test_a_silent_stream_gets_a_new_connection() -> None:
    async def main() -> None:
        async def script(connection: VenueConnection, number: int) -> None:
            if number == 0:
                await connection.send_data(until_s=100.0)
                await connection.send_data(pairs=PAIRS[:1])
            await connection.send_data()

        async with stream_server(script) as server, reconnecting(server) as setup:
            await until(130.0)
            assert len(server.connections) == 1, "twenty usual pauses are 40 s"
            await until(1_000.0)
            assert setup.stats.replaced == {"silence": 1}
            assert server.open_sockets == {server.connections[1].socket}

    run_with_sockets(main())


def test_a_pair_that_has_stopped_trading_causes_ever_fewer_reconnects() -> None:
    async def main() -> None:
        async def script(connection: VenueConnection, number: int) -> None:
            await connection.send_data(pairs=PAIRS if number == 0 else PAIRS[:1], until_s=100.0 if number == 0 else float("inf"))
            await connection.send_data(pairs=PAIRS[:1])

        async with stream_server(script) as server, reconnecting(server) as setup:
            await until(7_200.0)
            assert set(setup.stats.replaced) == {"silence"}
            assert 4 <= len(server.connections) <= 14
            assert pauses([connection.opened_s for connection in server.connections])[-1] >= 900

    run_with_sockets(main())


def test_connections_of_one_age_are_not_replaced_at_once() -> None:
    async def main() -> None:
        feed = StreamFeed(max_age_s=90_000.0)
        async with stream_server(send_data) as server:
            reconnectors = [
                Reconnector(
                    feed,
                    {},
                    server.endpoint(),
                    lambda *_: None,
                    VenueClock(wall),
                    pacer=Pacer(1.0),
                    hold=Hold(Random(seed)),
                    random=Random(seed),
                    stats=LiveStats(),
                )
                for seed in range(20)
            ]
            connection = Connection(feed, PAIRS, server.endpoint(), lambda *_: None, VenueClock(wall))
            retire_s = sorted(reconnector._retire_s(connection) for reconnector in reconnectors)
            assert 86_400.0 <= retire_s[0] <= 86_700.0
            assert 87_900.0 <= retire_s[-1] <= 88_200.0

    run_with_sockets(main())
