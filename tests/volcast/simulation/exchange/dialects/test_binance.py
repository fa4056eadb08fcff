"""The dialect of Binance, tested with plain clients."""

from decimal import Decimal

from tests.volcast.simulation.client import HISTORY_MINUTES, START_MS, exchange, get, now_s, open_ms, receive, virtual

BOTH = '{"method":"SUBSCRIBE","params":["btcusd@kline_1m","ethusd@trade"],"id":7}'


@virtual
async def test_a_subscription_brings_open_candles_every_two_seconds_and_each_closed_one() -> None:
    async with exchange("binance") as server:
        assert await receive(server, "/stream", for_s=100.0) == []
        received = await receive(server, "/stream", BOTH, for_s=140.0)
        assert received[0] == {"result": None, "id": 7}
        candles = [frame["data"] for frame in received[1:] if frame["stream"] == "btcusd@kline_1m"]
        trades = [frame["data"] for frame in received[1:] if frame["stream"] == "ethusd@trade"]
        assert {(each["e"], each["s"], each["k"]["s"], each["k"]["i"]) for each in candles} == {
            ("kline", "BTCUSD", "BTCUSD", "1m")
        }
        closed = [each for each in candles if each["k"]["x"]]
        assert [each["k"]["t"] for each in closed] == [open_ms(1), open_ms(2), open_ms(3)][: len(closed)]
        assert len(closed) >= 2
        for each in closed:
            k = each["k"]
            assert k["T"] == k["t"] + 59_999
            assert 50 <= each["E"] - k["t"] - 60_000 <= 280
            version = server.history("BTCUSD")[k["t"]][0]
            assert [k[name] for name in "ohlcvq"] == list(version[:6])
            assert (k["n"], k["f"], k["L"]) == (version.trades, version.first_id, version.last_id)
        assert 65 <= len(candles) <= 73
        assert {type(each["k"][name]) for each in candles for name in "ohlcvqVQB"} == {str}
        assert {type(each[name]) for each in trades for name in "EtT"} == {int}
        ids = [each["t"] for each in trades]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert all(20 <= each["E"] - each["T"] <= 81 for each in trades)


@virtual
async def test_raw_streams_have_no_envelope_and_may_be_given_in_the_path() -> None:
    async with exchange("binance") as server:
        raw = await receive(server, "/ws/btcusd@kline_1m", for_s=5.0)
        assert {frame["e"] for frame in raw} == {"kline"}
        combined = await receive(server, "/stream?streams=btcusd@kline_1m/ethusd@kline_1m", for_s=5.0)
        assert {frame["stream"] for frame in combined} == {"btcusd@kline_1m", "ethusd@kline_1m"}


@virtual
async def test_invalid_messages_are_errors_and_unknown_pairs_are_confirmed_without_data() -> None:
    async with exchange("binance") as server:
        assert (await receive(server, "/ws", "{"))[0]["code"] == 3
        assert (await receive(server, "/ws", '{"method":"SUBSCRIBE","params":"x","id":1}'))[0]["code"] == 2
        assert (await receive(server, "/ws", '{"method":"SUBSCRIBE","params":["BTCUSD@kline_1m"],"id":1}'))[0]["code"] == 2
        unknown = '{"method":"SUBSCRIBE","params":["abcxyz@kline_1m"],"id":1}'
        assert await receive(server, "/ws", unknown, for_s=100.0) == [{"result": None, "id": 1}]


@virtual
async def test_subscriptions_can_be_listed_and_ended() -> None:
    async with exchange("binance") as server:
        end = '{"method":"UNSUBSCRIBE","params":["btcusd@kline_1m"],"id":8}'
        received = await receive(server, "/stream", BOTH, '{"method":"LIST_SUBSCRIPTIONS","id":9}', end, for_s=30.0)
        assert {"result": ["btcusd@kline_1m", "ethusd@trade"], "id": 9} in received
        assert {frame["stream"] for frame in received if "stream" in frame} == {"ethusd@trade"}


@virtual
async def test_too_many_messages_and_too_old_connections_are_cut_the_latter_after_a_notice() -> None:
    async with exchange("binance", max_age_s=100.0) as server:
        assert await receive(server, "/ws", *['{"method":"LIST_SUBSCRIPTIONS","id":1}'] * 6, for_s=100.0) == []
        began_s = now_s()
        received = await receive(server, "/stream", for_s=200.0)
        assert abs(now_s() - began_s - 100.0) < 1.0
        assert received == [{"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": received[0]["data"]["E"]}}]


@virtual
async def test_candles_over_rest_ascend_between_inclusive_bounds_the_open_one_included() -> None:
    async with exchange("binance") as server:

        async def opens(**bounds: object) -> list[int]:
            response = await get(server, "/api/v3/klines", symbol="BTCUSD", interval="1m", **bounds)
            assert response.status_code == 200
            return [(row[0] - START_MS) // 60_000 for row in response.json()]

        last = HISTORY_MINUTES - 1
        assert (await opens())[:2] == [0, 1]
        assert (await opens())[-1] in {last, last + 1}
        assert await opens(startTime=START_MS + 3 * 60_000, endTime=START_MS + 5 * 60_000) == [3, 4, 5]
        assert await opens(startTime=START_MS + 3 * 60_000, limit=2) == [3, 4]
        assert await opens(endTime=START_MS + 9 * 60_000, limit=2) == [8, 9]
        response = await get(server, "/api/v3/klines", symbol="BTCUSD", interval="1m", startTime=START_MS, limit=1)
        (row,) = response.json()
        version = server.history("BTCUSD")[START_MS][0]
        assert row[:6] == [START_MS, version.open, version.high, version.low, version.close, version.volume]
        assert row[6:9] == [START_MS + 59_999, version.quote_volume, version.trades]
        assert len(row) == 12
        assert Decimal(row[5]) > 0


@virtual
async def test_the_server_time_and_errors_over_rest() -> None:
    async with exchange("binance", skew_ms=5_000) as server:
        server_ms = (await get(server, "/api/v3/time")).json()["serverTime"]
        assert abs(server_ms - (now_s() * 1_000 + 5_000)) < 100
        for params, code in (({"symbol": "ABCXYZ", "interval": "1m"}, -1121), ({"symbol": "BTCUSD", "interval": "1M"}, -1120)):
            response = await get(server, "/api/v3/klines", **params)
            assert (response.status_code, response.json()["code"]) == (400, code)
        assert (await get(server, "/api/v3/depth")).status_code == 404
