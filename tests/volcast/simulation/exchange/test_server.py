"""The exchange as a whole: its streams, its REST and its memory tell the same; it ends whatever is going on."""

import asyncio
from random import Random

import pytest

from tests.volcast.simulation.visit import (
    PAIRS,
    START_MS,
    SUBSCRIBE,
    connected,
    exchange,
    fault,
    frames,
    now_s,
    open_ms,
    virtual,
    visit,
    watch,
)
from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.faults import FaultKind, make_script
from volcast.simulation.exchange.server import Exchange

EVERYWHERE = "0.0.0.0"  # noqa: S104  meant so


@pytest.mark.parametrize("venue", DIALECTS)
@virtual
async def test_the_same_seed_is_the_same_frames(venue: str) -> None:
    heard = []
    for _ in range(2):
        began_s = asyncio.get_running_loop().time()
        async with Exchange(venue, PAIRS, seed=1, start_ms=START_MS, wall=lambda: now_s() - began_s) as place:  # noqa: B023  used at once
            heard.append(await watch(place, 70.0))
    assert heard[0] == heard[1]
    assert len(heard[0]) > 10


@virtual
async def test_a_skew_moves_the_market_and_not_what_is_told_in_the_walls_time() -> None:
    async with exchange("binance", skew_ms=20_000) as place:
        heard = await watch(place, 90.0)
        closed = [frame["data"] for frame in heard if "data" in frame and frame["data"]["k"]["x"]]
        assert [each["k"]["t"] for each in closed if each["s"] == "BTCUSD"] == [open_ms(0), open_ms(1)][:1]
        assert min(each["E"] for each in closed) >= open_ms(1)
        versions = place.history("BTCUSD")[open_ms(0)]
        assert versions[0].since_ms == open_ms(1) - 20_000
        assert now_s() * 1_000 < open_ms(2)


@virtual
async def test_history_has_closed_minutes_only_from_the_start_on() -> None:
    async with exchange("okx") as place:
        await asyncio.sleep(30.0)
        history = place.history("BTC-USD")
        assert list(history) == [open_ms(minute) for minute in range(-30, 0)]
        assert history == place.history("BTCUSD")


@pytest.mark.parametrize("venue", DIALECTS)
@virtual
async def test_hours_of_all_faults_upon_a_stubborn_client(venue: str) -> None:
    """The exchange itself fails in none of them: it would say so at its end."""
    begin_s = now_s()
    script = make_script(venue, Random(3), begin_s, begin_s + 7_200.0, 30.0, tls=True)
    felt: list[str] = []
    async with exchange(venue, *script, tls=True, push_every_s=5.0, on_fault=lambda fault: felt.append(fault.kind)) as place:
        path, says = SUBSCRIBE[venue]
        while now_s() < begin_s + 7_200.0:
            try:
                async with connected(place, path, [says], open_timeout=10, ping_interval=20) as socket:
                    await frames(socket, begin_s + 7_200.0 - now_s())
            except Exception:  # noqa: BLE001  whatever it was: once more
                await asyncio.sleep(1.0)
        assert sum(place.happened.values()) == len(felt) > 15
        assert len(place.history("BTCUSD")) > 130


@virtual
async def test_a_client_that_does_not_read_is_cut() -> None:
    script = [fault(FaultKind.HUGE_FRAME, 1.0 + count, number=1) for count in range(40)]
    async with exchange("kraken", *script) as place:
        path, says = SUBSCRIBE["kraken"]
        async with connected(place, path, [says], max_size=None) as socket:
            await frames(socket, 0.5)
            socket.transport.pause_reading()
            await asyncio.sleep(60.0)
            assert 2 < place.happened["huge_frame"] < 30


@virtual
async def test_it_ends_at_once_whatever_is_going_on() -> None:
    place = exchange("binance", fault(FaultKind.SLOW_HANDSHAKE, 5.0, 100.0, delay_s=90.0), fault(FaultKind.HALF_OPEN, 4.0))
    async with place:
        path, says = SUBSCRIBE["binance"]
        open_line = await connected(place, path, [says]).__aenter__()
        await asyncio.sleep(6.0)
        waiting = asyncio.create_task(visit(place, path))
        await asyncio.sleep(1.0)
        silent = await asyncio.open_connection("127.0.0.1", place._port)
        await asyncio.sleep(1.0)
        began_s = now_s()
    assert now_s() - began_s < 1.5
    with pytest.raises(Exception, match=r"connection|EOF|closed|HTTP"):
        await waiting
    silent[1].close()
    await open_line.close()


@virtual
async def test_what_goes_wrong_inside_is_raised_at_the_end() -> None:
    place = exchange("kraken")
    await place.__aenter__()
    place.markets.clear()
    await watch(place, 5.0)
    with pytest.raises(ExceptionGroup) as caught:
        await place.__aexit__(None, None, None)
    assert [type(error) for error in caught.value.exceptions] == [KeyError]


@pytest.mark.parametrize(
    ("host", "told"), [(EVERYWHERE, "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::", "[::1]"), ("here.example", "here.example")]
)
def test_its_addresses_are_told_as_this_machine_reaches_them(host: str, told: str) -> None:
    place = Exchange("okx", PAIRS, seed=1, start_ms=START_MS, host=host, port=9300)
    assert (place.socket_url, place.rest_url) == (f"ws://{told}:9300/okx", f"http://{told}:9300/okx")


@virtual
async def test_it_listens_where_it_is_told_to() -> None:
    for host in (EVERYWHERE, "127.0.0.1"):
        async with exchange("okx", host=host) as place:
            assert [socket.getsockname()[0] for socket in place._server.sockets] == [host]
            assert len(await watch(place, 10.0)) > 1


def test_an_unknown_venue() -> None:
    with pytest.raises(KeyError):
        exchange("mtgox")
