"""The dialect of Kraken, tested with plain clients."""

from tests.volcast.simulation.client import (
    PAIRS,
    START_MS,
    SUBSCRIBE,
    connected,
    exchange,
    frames,
    get,
    now_s,
    receive,
    receive_subscribed,
    virtual,
)
from volcast.simulation.exchange.dialects.kraken import KrakenDialect


@virtual
async def test_a_status_then_acks_then_trades_with_numbers_and_a_heartbeat_when_idle() -> None:
    async with exchange("kraken") as server:
        received = await receive_subscribed(server, 120.0)
        assert received[0]["channel"] == "status"
        assert received[0]["data"][0]["system"] == "online"
        acks = [frame for frame in received if frame.get("method") == "subscribe"]
        assert [(ack["success"], ack["result"]["symbol"]) for ack in acks] == [(True, "BTC/USD"), (True, "ETH/USD")]
        trades = [row for frame in received if frame.get("channel") == "trade" for row in frame["data"]]
        ids = [row["trade_id"] for row in trades if row["symbol"] == "BTC/USD"]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert {type(row[name]) for row in trades for name in ("price", "qty")} == {float}
        beats = [frame for frame in received if frame == {"channel": "heartbeat"}]
        assert 30 < len(beats) < 120


@virtual
async def test_prices_keep_their_digits() -> None:
    async with exchange("kraken") as server, connected(server, "/v2", [SUBSCRIBE["kraken"][1]]) as socket:
        texts = [str(frame) for _, frame in await frames(socket, 60.0) if '"trade_id"' in str(frame)]
        assert all(len(text.partition('"price":')[2].partition(",")[0].partition(".")[2]) == 2 for text in texts)


@virtual
async def test_a_subscription_begins_with_a_snapshot_by_default() -> None:
    async with exchange("kraken") as server:
        subscription = '{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":3}'
        received = await receive(server, "/v2", subscription, for_s=60.0)
        kinds = [frame["type"] for frame in received if frame.get("channel") == "trade"]
        assert kinds[0] == "snapshot"
        assert set(kinds[1:]) == {"update"}
        assert received[1]["req_id"] == 3


@virtual
async def test_before_a_subscription_only_replies_are_sent() -> None:
    async with exchange("kraken") as server:
        _, pong, refusal, malformed, channel = await receive(
            server,
            "/v2",
            '{"method":"ping","req_id":42}',
            '{"method":"subscribe","params":{"channel":"trade","symbol":["ABC/XYZ"]}}',
            '{"method":"subscribe"}',
            '{"method":"subscribe","params":{"channel":"level3","symbol":["BTC/USD"]}}',
            for_s=50.0,
        )
        assert (pong["method"], pong["req_id"]) == ("pong", 42)
        assert (refusal["success"], refusal["symbol"]) == (False, "ABC/XYZ")
        assert [malformed["success"], channel["success"]] == [False, False]


@virtual
async def test_candles_over_rest_have_krakens_own_pair_name_and_open_after_since() -> None:
    async with exchange("kraken") as server:
        responses = [(await get(server, "/0/public/OHLC", pair=name)).json() for name in ("XBTUSD", "BTC/USD", "XXBTZUSD")]
        assert [(list(response["result"]), response["error"]) for response in responses] == [(["XXBTZUSD", "last"], [])] * 3
        response = responses[0]
        rows = response["result"]["XXBTZUSD"]
        opens = [row[0] for row in rows]
        assert opens == sorted(opens)
        assert response["result"]["last"] == opens[-2]
        version = server.history("BTC/USD")[opens[0] * 1_000][0]
        assert [*rows[0][1:5], *rows[0][6:]] == [*version[:4], version.volume, version.trades]
        since = (await get(server, "/0/public/OHLC", pair="XBTUSD", interval=1, since=opens[3])).json()
        assert since["result"]["XXBTZUSD"][0] == rows[4]
        for wrong in ({"pair": "ABCXYZ"}, {"pair": "XBTUSD", "interval": 7}, {"pair": "XBTUSD", "since": "x"}):
            refusal = await get(server, "/0/public/OHLC", **wrong)
            assert (refusal.status_code, len(refusal.json()["error"])) == (200, 1)


@virtual
async def test_at_most_the_newest_720_rows_are_served() -> None:
    async with exchange("kraken") as server:
        market = server.markets["BTCUSD"]
        now_us = (START_MS + 2_000 * 60_000) * 1_000
        market.minute(now_us // 1_000)
        rows = market.rows(now_us, 0, now_us // 1_000 + 1, 720, newest=True)
        assert len(rows) == 720
        time_s = (await get(server, "/0/public/Time")).json()["result"]["unixtime"]
        assert abs(time_s - now_s()) <= 1


def test_pair_names_in_rest_responses() -> None:
    pairs = [*PAIRS, ("DOGE", "USD"), ("SOL", "USD"), ("BTC", "USDT"), ("ETH", "BTC"), ("XRP", "EUR")]
    names = KrakenDialect(pairs)._result_names
    assert list(names.values()) == ["XXBTZUSD", "XETHZUSD", "XDGUSD", "SOLUSD", "XBTUSDT", "XETHXXBT", "XXRPZEUR"]
