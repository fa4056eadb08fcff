"""Faults of a single moment, applied to all connections or to the market."""

import asyncio

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.volcast.simulation.client import (
    NOW_S,
    SUBSCRIBE,
    connected,
    exchange,
    fault,
    frames,
    get,
    now_s,
    open_ms,
    receive,
    receive_subscribed,
    value_of,
    virtual,
)
from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.faults import FaultKind

BINANCE = SUBSCRIBE["binance"]


@virtual
async def test_a_cut_ends_the_connection_without_a_close_frame_and_counts_only_with_a_client() -> None:
    async with exchange("binance", fault(FaultKind.CUT, 5.0), fault(FaultKind.CUT, 30.0)) as server:
        await receive_subscribed(server, 2.0)
        await asyncio.sleep(4.0)
        assert server.happened == {}
        async with connected(server, BINANCE[0], [BINANCE[1]]) as socket:
            await frames(socket, 100.0)
            assert 30.0 <= now_s() - NOW_S < 30.1
            with pytest.raises(ConnectionClosedError) as caught:
                await socket.recv()
            assert caught.value.rcvd is None
        assert server.happened == {"cut": 1}


@virtual
async def test_a_half_open_connection_sends_nothing_and_answers_no_ping() -> None:
    async with exchange("binance", fault(FaultKind.HALF_OPEN, 10.0)) as server:
        async with connected(server, BINANCE[0], [BINANCE[1]]) as socket:
            received = await frames(socket, 1_000.0)
            assert max(time_s for time_s, _ in received) < 10.0
            assert now_s() - NOW_S == pytest.approx(1_000.0, abs=1.0)
            pong = asyncio.ensure_future(await socket.ping())
            await frames(socket, 30.0)
            assert not pong.done()
            assert len(await receive_subscribed(server, 10.0)) > 5
            pong.cancel()
        assert server.happened == {"half_open": 1}


@virtual
async def test_one_pair_is_silent_until_the_client_connects_again() -> None:
    async with exchange("coinbase", fault(FaultKind.SILENCE, 60.0, number=3)) as server:
        path, message = SUBSCRIBE["coinbase"]
        async with connected(server, path, [message, '{"type":"subscribe","channel":"heartbeats"}']) as socket:
            received = [(time_s, value_of(frame)) for time_s, frame in await frames(socket, 300.0)]
        late = [frame for time_s, frame in received if time_s > 60.1]
        pairs = {frame["events"][0]["trades"][0]["product_id"] for frame in late if frame["channel"] == "market_trades"}
        assert pairs == {"BTC-USD"}
        assert sum(frame["channel"] == "heartbeats" for frame in late) > 230
        again = await receive_subscribed(server, 60.0)
        assert {trade["product_id"] for frame in again for trade in frame["events"][0].get("trades", ())} == {
            "BTC-USD",
            "ETH-USD",
        }
        assert server.happened == {"silence": 1}


@pytest.mark.parametrize(
    ("venue", "text"), [("binance", "serverShutdown"), ("okx", "64008"), ("bitstamp", "bts:request_reconnect")]
)
@virtual
async def test_a_notice_comes_ten_seconds_before_a_cut(venue: str, text: str) -> None:
    async with exchange(venue, fault(FaultKind.SHUTDOWN_NOTICE, 20.0)) as server:
        path, message = SUBSCRIBE[venue]
        async with connected(server, path, [message]) as socket:
            received = await frames(socket, 100.0)
            ((notice_s, _),) = [(time_s, frame) for time_s, frame in received if text in str(frame)]
            assert 20.0 <= notice_s < 20.1
            assert now_s() - NOW_S == pytest.approx(30.0, abs=0.1)
        assert server.happened == {"shutdown_notice": 1}


@pytest.mark.parametrize("number", [0, 1])
@virtual
async def test_oversized_frames(number: int) -> None:
    async with exchange("okx", fault(FaultKind.HUGE_FRAME, 5.0, number=number)) as server:
        received = await receive(server, *SUBSCRIBE["okx"], for_s=10.0, max_size=None)
        assert [len(frame["text"]) > 2**20 for frame in received if "text" in frame] == [True] * (1 + number)
    assert server.happened == {"huge_frame": 1}


@virtual
async def test_a_revised_candle_is_sent_again_and_served_over_rest() -> None:
    async with exchange("bybit", fault(FaultKind.REVISED, 10.0, delay_s=30.0)) as server:
        received = await receive_subscribed(server, 230.0)
        rows = [frame["data"][0] for frame in received if frame.get("topic") == "kline.1.BTCUSD" and frame["data"][0]["confirm"]]
        revised = open_ms(1)
        assert [row["start"] for row in rows].count(revised) == 2
        first, second = (row for row in rows if row["start"] == revised)
        versions = server.history("BTCUSD")[revised]
        assert [[row[name] for name in ("open", "high", "low", "close", "volume", "turnover")] for row in (first, second)] == [
            list(version[:6]) for version in versions
        ]
        assert second["timestamp"] - (revised + 90_000) < 100
        usual = {"category": "spot", "symbol": "BTCUSD", "interval": "1", "start": revised, "end": revised}
        (row,) = (await get(server, "/v5/market/kline", **usual)).json()["result"]["list"]
        assert row[1:] == list(versions[1][:6])
        assert server.happened == {"revised": 1}


@virtual
async def test_a_revision_at_a_venue_with_trades_is_a_late_trade() -> None:
    async with exchange("kraken", fault(FaultKind.REVISED, 10.0, delay_s=30.0)) as server:
        path, message = SUBSCRIBE["kraken"]
        async with connected(server, path, [message]) as socket:
            received = [(time_s, value_of(frame)) for time_s, frame in await frames(socket, 230.0)]
        trades = [(time_s, row) for time_s, frame in received if frame.get("channel") == "trade" for row in frame["data"]]
        of_pair = [(time_s, row) for time_s, row in trades if row["symbol"] == "BTC/USD"]
        ids = [row["trade_id"] for _, row in of_pair]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        late = [(time_s, row) for time_s, row in of_pair if time_s >= 120.0 and row["timestamp"] < "2023-11-14T22:46:00"]
        assert [150.0 <= time_s < 150.1 for time_s, _ in late] == [True]
        assert len(server.history("BTC/USD")[open_ms(1)]) == 2


@virtual
async def test_a_refusal_cuts_connections_and_refuses_rest_and_handshakes_for_a_while() -> None:
    async with exchange("bybit", fault(FaultKind.REFUSE, 20.0, 200.0, handshakes_s=60.0, cut=True)) as server:
        await receive_subscribed(server, 100.0)
        assert now_s() - NOW_S == pytest.approx(20.0, abs=0.1)
        assert [value - NOW_S for span in server.refusals for value in span] == pytest.approx([20.0, 220.0], abs=0.01)
        with pytest.raises(InvalidStatus) as caught:
            await receive_subscribed(server, 1.0)
        assert caught.value.response.status_code == 503
        assert (await get(server, "/v5/market/time")).status_code == 503
        await asyncio.sleep(61.0)
        assert await receive_subscribed(server, 1.0)
        assert (await get(server, "/v5/market/time")).status_code == 503
        await asyncio.sleep(140.0)
        assert (await get(server, "/v5/market/time")).status_code == 200
    assert server.happened == {"refuse": 1}


@pytest.mark.parametrize("venue", DIALECTS)
@virtual
async def test_faults_that_ended_before_the_start_are_left_out(venue: str) -> None:
    async with exchange(venue, fault(FaultKind.REFUSE, -300.0, 200.0), fault(FaultKind.CUT, -1.0)) as server:
        assert await receive_subscribed(server, 5.0)
        assert server.happened == {}
