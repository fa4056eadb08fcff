"""The exchange as a whole: streams, REST and history agree; it survives all faults and clients, and always ends."""

import asyncio
from random import Random

import pytest

from tests.forms import long_form
from tests.volcast.simulation.client import (
    PAIRS,
    START_MS,
    SUBSCRIBE,
    connected,
    exchange,
    fault,
    frames,
    now_s,
    open_ms,
    receive,
    receive_subscribed,
    virtual,
)
from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.faults import FaultKind, make_script
from volcast.simulation.exchange.server import Exchange

HOURS = long_form(1, 4)
EVERYWHERE = "0.0.0.0"  # noqa: S104  intended


@pytest.mark.parametrize("venue", DIALECTS)
@virtual
async def test_the_same_seed_gives_the_same_frames(venue: str) -> None:
    received = []
    for _ in range(2):
        began_s = asyncio.get_running_loop().time()
        async with Exchange(venue, PAIRS, seed=1, start_ms=START_MS, wall=lambda: now_s() - began_s) as server:  # noqa: B023  used at once
            received.append(await receive_subscribed(server, 70.0))
    assert received[0] == received[1]
    assert len(received[0]) > 10


@virtual
async def test_a_skew_moves_the_market_but_not_wall_times() -> None:
    async with exchange("binance", skew_ms=20_000) as server:
        received = await receive_subscribed(server, 90.0)
        closed = [frame["data"] for frame in received if "data" in frame and frame["data"]["k"]["x"]]
        assert [each["k"]["t"] for each in closed if each["s"] == "BTCUSD"] == [open_ms(0), open_ms(1)][:1]
        assert min(each["E"] for each in closed) >= open_ms(1)
        versions = server.history("BTCUSD")[open_ms(0)]
        assert versions[0].since_ms == open_ms(1) - 20_000
        assert now_s() * 1_000 < open_ms(2)


@virtual
async def test_history_has_the_closed_minutes_from_the_start_on() -> None:
    async with exchange("okx") as server:
        await asyncio.sleep(30.0)
        history = server.history("BTC-USD")
        assert list(history) == [open_ms(minute) for minute in range(-30, 0)]
        assert history == server.history("BTCUSD")


@pytest.mark.parametrize("venue", DIALECTS)
@virtual
async def test_hours_of_all_faults_on_a_client_that_reconnects(venue: str) -> None:
    """The exchange itself has no error: it would raise it at its end."""
    begin_s = now_s()
    end_s = begin_s + HOURS * 3_600.0
    script = make_script(venue, Random(3), begin_s, end_s, 30.0, tls=True)
    reported: list[str] = []
    async with exchange(venue, *script, tls=True, push_every_s=5.0, on_fault=lambda fault: reported.append(fault.kind)) as server:
        path, message = SUBSCRIBE[venue]
        while now_s() < end_s:
            try:
                async with connected(server, path, [message], open_timeout=10, ping_interval=20) as socket:
                    await frames(socket, end_s - now_s())
            except Exception:  # noqa: BLE001  whatever happened: connect again
                await asyncio.sleep(1.0)
        assert sum(server.happened.values()) == len(reported) > 7 * HOURS
        assert len(server.history("BTCUSD")) > 60 * HOURS + 10


@virtual
async def test_a_client_that_does_not_read_is_cut() -> None:
    script = [fault(FaultKind.HUGE_FRAME, 1.0 + count, number=1) for count in range(40)]
    async with exchange("kraken", *script) as server:
        path, message = SUBSCRIBE["kraken"]
        async with connected(server, path, [message], max_size=None) as socket:
            await frames(socket, 0.5)
            socket.transport.pause_reading()
            await asyncio.sleep(60.0)
            assert 2 < server.happened["huge_frame"] < 30


@virtual
async def test_it_ends_at_once_in_any_state() -> None:
    server = exchange("binance", fault(FaultKind.SLOW_HANDSHAKE, 5.0, 100.0, delay_s=90.0), fault(FaultKind.HALF_OPEN, 4.0))
    async with server:
        path, message = SUBSCRIBE["binance"]
        open_connection = await connected(server, path, [message]).__aenter__()
        await asyncio.sleep(6.0)
        waiting = asyncio.create_task(receive(server, path))
        await asyncio.sleep(1.0)
        silent = await asyncio.open_connection("127.0.0.1", server._port)
        await asyncio.sleep(1.0)
        began_s = now_s()
    assert now_s() - began_s < 1.5
    with pytest.raises(Exception, match=r"connection|EOF|closed|HTTP"):
        await waiting
    silent[1].close()
    await open_connection.close()


@virtual
async def test_internal_errors_are_raised_at_the_end() -> None:
    server = exchange("kraken")
    await server.__aenter__()
    server.markets.clear()
    await receive_subscribed(server, 5.0)
    with pytest.raises(ExceptionGroup) as caught:
        await server.__aexit__(None, None, None)
    assert [type(error) for error in caught.value.exceptions] == [KeyError]


@pytest.mark.parametrize(
    ("host", "address"),
    [(EVERYWHERE, "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::", "[::1]"), ("here.example", "here.example")],
)
def test_its_addresses_are_those_for_clients_of_this_machine(host: str, address: str) -> None:
    server = Exchange("okx", PAIRS, seed=1, start_ms=START_MS, host=host, port=9300)
    assert (server.socket_url, server.rest_url) == (f"ws://{address}:9300/okx", f"http://{address}:9300/okx")


@virtual
async def test_it_listens_on_the_given_host() -> None:
    for host in (EVERYWHERE, "127.0.0.1"):
        async with exchange("okx", host=host) as server:
            assert [socket.getsockname()[0] for socket in server._server.sockets] == [host]
            assert len(await receive_subscribed(server, 10.0)) > 1


def test_an_unknown_venue() -> None:
    with pytest.raises(KeyError):
        exchange("mtgox")
