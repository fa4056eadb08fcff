"""The dialect of Coinbase, tested with plain clients."""

from datetime import datetime
from decimal import Decimal

from tests.volcast.simulation.client import (
    HEARTBEATS,
    START_MS,
    SUBSCRIBE,
    connected,
    exchange,
    frames,
    get,
    now_s,
    receive,
    virtual,
)

TRADES = SUBSCRIBE["coinbase"][1]


@virtual
async def test_snapshots_trades_and_heartbeats_in_one_numbered_envelope() -> None:
    async with exchange("coinbase") as server:
        received = await receive(server, "", TRADES, HEARTBEATS, for_s=120.0)
        assert [frame["sequence_num"] for frame in received] == list(range(len(received)))
        assert {frame["channel"] for frame in received} == {"subscriptions", "market_trades", "heartbeats"}
        acks = [frame["events"][0]["subscriptions"] for frame in received if frame["channel"] == "subscriptions"]
        assert acks == [
            {"market_trades": ["BTC-USD", "ETH-USD"]},
            {"market_trades": ["BTC-USD", "ETH-USD"], "heartbeats": ["heartbeats"]},
        ]
        events = [frame["events"][0] for frame in received if frame["channel"] == "market_trades"]
        assert [event["type"] for event in events[:3]] == ["snapshot", "snapshot", "update"]
        assert [event["type"] for event in events].count("snapshot") == 2
        trades = [trade for event in events for trade in reversed(event["trades"])]
        ids = [int(trade["trade_id"]) for trade in trades if trade["product_id"] == "BTC-USD"]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert all(isinstance(trade[name], str) for trade in trades for name in ("price", "size", "time", "trade_id"))
        assert all(datetime.fromisoformat(trade["time"]).timestamp() < now_s() for trade in trades)
        beats = [frame["events"][0] for frame in received if frame["channel"] == "heartbeats"]
        assert [beat["heartbeat_counter"] for beat in beats] == list(range(1, len(beats) + 1))
        assert 118 <= len(beats) <= 120
        assert beats[0]["current_time"].endswith("+00:00")


@virtual
async def test_a_client_that_does_not_subscribe_within_five_seconds_is_cut() -> None:
    async with exchange("coinbase") as server, connected(server, "") as socket:
        began_s = now_s()
        assert await frames(socket, 100.0) == []
        assert 4.9 < now_s() - began_s < 5.2


@virtual
async def test_without_heartbeats_an_idle_connection_is_cut() -> None:
    async with exchange("coinbase", trades_per_minute=0.0) as server:
        for message, cut_after_s in (((TRADES,), 75.0), ((TRADES, HEARTBEATS), 200.0)):
            async with connected(server, "", message) as socket:
                began_s = now_s()
                await frames(socket, 200.0)
                assert abs(now_s() - began_s - cut_after_s) < 1.0


@virtual
async def test_invalid_messages_are_errors() -> None:
    async with exchange("coinbase") as server:
        for wrong in (
            "no json",
            '{"type":"subscribe","channel":"level3","product_ids":["BTC-USD"]}',
            '{"type":"subscribe","channel":"market_trades"}',
            '{"type":"subscribe","channel":"market_trades","product_ids":["ABC-XYZ"]}',
        ):
            (error,) = await receive(server, "", wrong, for_s=1.0)
            assert error["type"] == "error"
        end = TRADES.replace("subscribe", "unsubscribe")
        assert (await receive(server, "", TRADES, HEARTBEATS, end, for_s=2.0))[-1]["channel"] == "heartbeats"


@virtual
async def test_candles_over_rest_descend_without_empty_minutes_at_most_350() -> None:
    start_s = START_MS // 1_000
    path = "/api/v3/brokerage/market/products/BTC-USD/candles"
    async with exchange("coinbase", trades_per_minute=2.0) as server:
        bounds = {"start": start_s + 60, "end": start_s + 1_200}
        response = await get(server, path, granularity="ONE_MINUTE", **bounds)
        rows = response.json()["candles"]
        history = server.history("BTC-USD")
        expected_s = [START_MS // 1_000 + minute * 60 for minute in range(20, 0, -1) if START_MS + minute * 60_000 in history]
        assert [int(row["start"]) for row in rows] == expected_s
        assert len(expected_s) < 20
        version = history[int(rows[0]["start"]) * 1_000][0]
        assert rows[0] == {
            "start": str(expected_s[0]),
            **{name: getattr(version, name) for name in ("low", "high", "open", "close", "volume")},
        }
        assert Decimal(rows[0]["volume"]) > 0
        last = await get(server, path, granularity="ONE_MINUTE", limit=2, **bounds)
        assert last.json()["candles"] == rows[:2]
        wide = await get(server, path, granularity="ONE_MINUTE", start=start_s, end=start_s + 350 * 60)
        assert (wide.status_code, wide.json()["error"]) == (400, "INVALID_ARGUMENT")
        assert (await get(server, path, granularity="ONE_MINUTE", start=start_s, end=start_s + 349 * 60)).status_code == 200
        assert (await get(server, path, granularity="60", **bounds)).status_code == 400
        assert (await get(server, path)).status_code == 400
        unknown = await get(server, path.replace("BTC", "ABC"), granularity="ONE_MINUTE", **bounds)
        assert (unknown.status_code, unknown.json()["error"]) == (404, "NOT_FOUND")


@virtual
async def test_the_server_time() -> None:
    async with exchange("coinbase") as server:
        clock = (await get(server, "/api/v3/brokerage/time")).json()
        assert abs(int(clock["epochMillis"]) / 1_000 - now_s()) < 0.1
        assert clock["epochSeconds"] == clock["epochMillis"][:-3]
