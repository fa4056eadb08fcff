"""A reconnector while the venue refuses this address, and when a pair is gone: real sockets, virtual time."""

from random import Random

import pytest

from producer.feeds import VENUES
from producer.live.connection import Endpoint
from producer.live.producer import LiveConfig, LiveProducer
from producer.rest.client import RestClient, SimulatedVenue, http_client
from producer.rest.hold import Hold
from tests.producer.live.parts import PAIRS, TLS, now_s, until
from tests.producer.live.producing import exchange, wall
from tests.producer.live.reconnecting import reconnecting, send_data
from tests.producer.live.scripted_stream import refusal, send_nothing, stream_server
from tests.producer.live.test_reconnect import pauses
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.virtual_time import run_with_sockets


@pytest.mark.parametrize(("status", "first_s"), [(403, 600), (451, 600), (418, 120)])
def test_a_refused_address_connects_rarely_and_all_reconnectors_wait_together(status: int, first_s: int) -> None:
    async def main() -> None:
        hold = Hold(Random(1))
        async with (
            stream_server(send_nothing, answer=lambda _: refusal(status)) as server,
            reconnecting(server, pairs=PAIRS[:1], hold=hold) as one,
            reconnecting(server, pairs=PAIRS[1:], hold=hold),
        ):
            await until(4 * 3_600.0)
            gaps = [pause for pause in pauses(server.handshakes_s) if pause > 60]
            assert first_s <= gaps[0] <= 1.1 * first_s + 130
            assert len(server.handshakes_s) <= 2 * 8
            assert f"HTTP status {status}" in one.reconnector.last_failure

    run_with_sockets(main())


def test_a_handshake_says_how_long_to_wait() -> None:
    async def main() -> None:
        answers = [refusal(429, b"", **{"Retry-After": "77"})]
        async with (
            stream_server(send_data, answer=lambda _: answers.pop() if answers else None) as server,
            reconnecting(server),
        ):
            await until(200.0)
            [pause_s] = pauses(server.handshakes_s)
            assert 77 <= pause_s <= 79

    run_with_sockets(main())


def test_a_hold_closes_no_connection_that_is_open() -> None:
    async def main() -> None:
        hold = Hold(Random(1))
        async with stream_server(send_data) as server, reconnecting(server, hold=hold) as setup:
            await until(30.0)
            hold.extend(3_600.0, "it says no", now_s=now_s(), asked_s=None)
            await until(600.0)
            assert len(server.connections) == 1
            assert len(setup.records) == 2 * 9

    run_with_sockets(main())


def test_a_pair_that_is_gone_is_not_subscribed_to_and_its_silence_replaces_no_connection() -> None:
    """Venues refuse a whole subscription because of one unknown pair."""

    async def main() -> None:
        async with stream_server(send_data) as server, reconnecting(server) as setup:
            setup.reconnector._is_listed = lambda pair: pair != PAIRS[1]
            setup.reconnector.silences[PAIRS[1]].connected(0.0)
            await until(30.0)
            server.connections[0].socket.cut()
            await until(3_000.0)
            assert setup.stats.connects["ok"] == 2
            assert [text for _, text in server.connections[1].received if text.startswith("subscribe")] == [
                f"subscribe {PAIRS[0]}"
            ]

    run_with_sockets(main())


def test_a_simulated_exchange_in_place_of_the_real_venue_ends_the_producer_before_anything_is_written() -> None:
    """Whether its header is seen over HTTP first or in a handshake."""

    async def main(*, over_http: bool) -> None:
        feed = VENUES["binance"]
        async with exchange("binance") as market, SqliteLog(":memory:") as log:
            async with http_client(feed, market.rest_url, None, TLS) as client:
                rest = RestClient(feed, client, Random(1), wall=wall, allow_simulated=not over_http)
                endpoint = Endpoint(market.socket_url, TLS, None, allow_simulated=over_http)
                config = LiveConfig({"BTCUSDT.BINANCE": "BTCUSDT"}, 0)
                live = LiveProducer(log, feed, config, endpoint, rest, append_records=100, random=Random(2), wall=wall)
                with pytest.raises(SimulatedVenue, match=r"^this is a simulated exchange and not binance: .* simulated=yes"):
                    await live.run()
            async with log.appender("x") as appender:
                assert await appender.last(b"BTCUSDT.BINANCE", lambda _: True) is None

    run_with_sockets(main(over_http=True))
    run_with_sockets(main(over_http=False))
