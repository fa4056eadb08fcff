"""Kraken's dialect, as a plain client meets it."""

from tests.volcast.simulation.visit import (
    PAIRS,
    START_MS,
    SUBSCRIBE,
    connected,
    exchange,
    frames,
    get,
    now_s,
    virtual,
    visit,
    watch,
)
from volcast.simulation.exchange.dialects.kraken import KrakenDialect


@virtual
async def test_a_status_then_acks_then_trades_with_numbers_and_a_heartbeat_when_idle() -> None:
    async with exchange("kraken") as place:
        heard = await watch(place, 120.0)
        assert heard[0]["channel"] == "status"
        assert heard[0]["data"][0]["system"] == "online"
        acks = [frame for frame in heard if frame.get("method") == "subscribe"]
        assert [(ack["success"], ack["result"]["symbol"]) for ack in acks] == [(True, "BTC/USD"), (True, "ETH/USD")]
        trades = [row for frame in heard if frame.get("channel") == "trade" for row in frame["data"]]
        ids = [row["trade_id"] for row in trades if row["symbol"] == "BTC/USD"]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert {type(row[name]) for row in trades for name in ("price", "qty")} == {float}
        beats = [frame for frame in heard if frame == {"channel": "heartbeat"}]
        assert 30 < len(beats) < 120


@virtual
async def test_prices_keep_their_digits() -> None:
    async with exchange("kraken") as place, connected(place, "/v2", [SUBSCRIBE["kraken"][1]]) as socket:
        texts = [str(frame) for _, frame in await frames(socket, 60.0) if '"trade_id"' in str(frame)]
        assert all(len(text.partition('"price":')[2].partition(",")[0].partition(".")[2]) == 2 for text in texts)


@virtual
async def test_a_snapshot_unless_it_is_not_wanted() -> None:
    async with exchange("kraken") as place:
        wanted = '{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":3}'
        heard = await visit(place, "/v2", wanted, for_s=60.0)
        kinds = [frame["type"] for frame in heard if frame.get("channel") == "trade"]
        assert kinds[0] == "snapshot"
        assert set(kinds[1:]) == {"update"}
        assert heard[1]["req_id"] == 3


@virtual
async def test_before_a_subscription_nothing_but_answers() -> None:
    async with exchange("kraken") as place:
        _, pong, refusal, malformed, channel = await visit(
            place,
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
async def test_candles_by_rest_under_krakens_own_name_after_since() -> None:
    async with exchange("kraken") as place:
        answers = [(await get(place, "/0/public/OHLC", pair=asked)).json() for asked in ("XBTUSD", "BTC/USD", "XXBTZUSD")]
        assert [(list(answer["result"]), answer["error"]) for answer in answers] == [(["XXBTZUSD", "last"], [])] * 3
        answer = answers[0]
        rows = answer["result"]["XXBTZUSD"]
        opens = [row[0] for row in rows]
        assert opens == sorted(opens)
        assert answer["result"]["last"] == opens[-2]
        version = place.history("BTC/USD")[opens[0] * 1_000][0]
        assert [*rows[0][1:5], *rows[0][6:]] == [*version[:4], version.volume, version.trades]
        since = (await get(place, "/0/public/OHLC", pair="XBTUSD", interval=1, since=opens[3])).json()
        assert since["result"]["XXBTZUSD"][0] == rows[4]
        for wrong in ({"pair": "ABCXYZ"}, {"pair": "XBTUSD", "interval": 7}, {"pair": "XBTUSD", "since": "x"}):
            refusal = await get(place, "/0/public/OHLC", **wrong)
            assert (refusal.status_code, len(refusal.json()["error"])) == (200, 1)


@virtual
async def test_the_newest_720_rows_whatever_since() -> None:
    async with exchange("kraken") as place:
        market = place.markets["BTCUSD"]
        now_us = (START_MS + 2_000 * 60_000) * 1_000
        market.minute(now_us // 1_000)
        rows = market.rows(now_us, 0, now_us // 1_000 + 1, 720, newest=True)
        assert len(rows) == 720
        time_s = (await get(place, "/0/public/Time")).json()["result"]["unixtime"]
        assert abs(time_s - now_s()) <= 1


def test_its_names() -> None:
    pairs = [*PAIRS, ("DOGE", "USD"), ("SOL", "USD"), ("BTC", "USDT"), ("ETH", "BTC"), ("XRP", "EUR")]
    names = KrakenDialect(pairs)._result_names
    assert list(names.values()) == ["XXBTZUSD", "XETHZUSD", "XDGUSD", "SOLUSD", "XBTUSDT", "XETHXXBT", "XXRPZEUR"]
