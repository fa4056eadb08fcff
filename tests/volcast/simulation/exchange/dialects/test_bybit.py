"""The dialect of Bybit, tested with plain clients."""

from tests.volcast.simulation.client import START_MS, exchange, get, now_s, open_ms, receive, receive_subscribed, virtual

PATH = "/v5/public/spot"


@virtual
async def test_candles_are_confirmed_and_all_numbers_are_strings() -> None:
    async with exchange("bybit") as server:
        ack, *received = await receive_subscribed(server, 130.0)
        assert (ack["success"], ack["op"], ack["ret_msg"]) == (True, "subscribe", "")
        rows = [frame["data"][0] for frame in received if frame["topic"] == "kline.1.BTCUSD"]
        closed = [row for row in rows if row["confirm"]]
        assert [row["start"] for row in closed] == [open_ms(0), open_ms(1)]
        for row in closed:
            version = server.history("BTCUSD")[row["start"]][0]
            numbers = [row[name] for name in ("open", "high", "low", "close", "volume", "turnover")]
            assert numbers == list(version[:6])
            assert row["end"] == row["start"] + 59_999
        assert {frame["type"] for frame in received} == {"snapshot"}


@virtual
async def test_trade_ids_are_uuids() -> None:
    async with exchange("bybit") as server:
        received = await receive(server, PATH, '{"op":"subscribe","args":["publicTrade.BTCUSD"],"req_id":"5"}', for_s=60.0)
        assert received[0]["req_id"] == "5"
        trades = [trade for frame in received[1:] for trade in frame["data"]]
        assert {len(trade["i"]) for trade in trades} == {36}
        assert {trade["S"] for trade in trades} <= {"Buy", "Sell"}


@virtual
async def test_pings_and_refusals() -> None:
    async with exchange("bybit") as server:
        many = ",".join(f'"kline.1.A{number}"' for number in range(11))
        pong, *refused = await receive(
            server,
            PATH,
            '{"req_id":"9","op":"ping"}',
            '{"op":"subscribe","args":["kline.1.BTCUSD","kline.1.ABCXYZ"]}',
            '{"op":"subscribe","args":["kline.5.BTCUSD"]}',
            f'{{"op":"subscribe","args":[{many}]}}',
            "[]",
            for_s=30.0,
        )
        assert (pong["op"], pong["ret_msg"], pong["req_id"]) == ("ping", "pong", "9")
        assert [frame["success"] for frame in refused] == [False] * 4
        assert refused[0]["ret_msg"] == "Invalid topic: kline.1.ABCXYZ"


@virtual
async def test_candles_over_rest_descend_between_inclusive_bounds() -> None:
    path = "/v5/market/kline"
    usual = {"category": "spot", "symbol": "BTCUSD", "interval": "1"}
    async with exchange("bybit") as server:
        response = (await get(server, path, **usual, start=START_MS, end=START_MS + 5 * 60_000)).json()
        assert (response["retCode"], response["result"]["symbol"]) == (0, "BTCUSD")
        rows = response["result"]["list"]
        assert [(int(row[0]) - START_MS) // 60_000 for row in rows] == [5, 4, 3, 2, 1, 0]
        assert rows[-1][1:] == list(server.history("BTCUSD")[START_MS][0][:6])
        newest = (await get(server, path, **usual, limit=2)).json()["result"]["list"]
        assert int(newest[0][0]) - int(newest[1][0]) == 60_000
        assert now_s() * 1_000 - int(newest[0][0]) < 63_000
        for wrong in ({"symbol": "ABCXYZ"}, {"interval": "2"}, {"start": "x"}, {"category": "linear"}):
            assert (await get(server, path, **(usual | wrong))).json()["retCode"] == 10001
        clock = (await get(server, "/v5/market/time")).json()
        assert abs(int(clock["result"]["timeNano"]) / 1e9 - now_s()) < 0.1
