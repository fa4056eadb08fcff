"""Bybit's dialect, as a plain client meets it."""

from tests.volcast.simulation.visit import START_MS, exchange, get, now_s, open_ms, virtual, visit, watch

PATH = "/v5/public/spot"


@virtual
async def test_candles_are_confirmed_and_all_numbers_are_strings() -> None:
    async with exchange("bybit") as place:
        ack, *heard = await watch(place, 130.0)
        assert (ack["success"], ack["op"], ack["ret_msg"]) == (True, "subscribe", "")
        rows = [frame["data"][0] for frame in heard if frame["topic"] == "kline.1.BTCUSD"]
        closed = [row for row in rows if row["confirm"]]
        assert [row["start"] for row in closed] == [open_ms(0), open_ms(1)]
        for row in closed:
            version = place.history("BTCUSD")[row["start"]][0]
            told = [row[name] for name in ("open", "high", "low", "close", "volume", "turnover")]
            assert told == list(version[:6])
            assert row["end"] == row["start"] + 59_999
        assert {frame["type"] for frame in heard} == {"snapshot"}


@virtual
async def test_trades_have_ids_that_are_no_numbers() -> None:
    async with exchange("bybit") as place:
        heard = await visit(place, PATH, '{"op":"subscribe","args":["publicTrade.BTCUSD"],"req_id":"5"}', for_s=60.0)
        assert heard[0]["req_id"] == "5"
        trades = [trade for frame in heard[1:] for trade in frame["data"]]
        assert {len(trade["i"]) for trade in trades} == {36}
        assert {trade["S"] for trade in trades} <= {"Buy", "Sell"}


@virtual
async def test_pings_and_refusals() -> None:
    async with exchange("bybit") as place:
        many = ",".join(f'"kline.1.A{number}"' for number in range(11))
        pong, *refused = await visit(
            place,
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
async def test_candles_by_rest_descend_between_inclusive_bounds() -> None:
    path = "/v5/market/kline"
    usual = {"category": "spot", "symbol": "BTCUSD", "interval": "1"}
    async with exchange("bybit") as place:
        answer = (await get(place, path, **usual, start=START_MS, end=START_MS + 5 * 60_000)).json()
        assert (answer["retCode"], answer["result"]["symbol"]) == (0, "BTCUSD")
        rows = answer["result"]["list"]
        assert [(int(row[0]) - START_MS) // 60_000 for row in rows] == [5, 4, 3, 2, 1, 0]
        assert rows[-1][1:] == list(place.history("BTCUSD")[START_MS][0][:6])
        newest = (await get(place, path, **usual, limit=2)).json()["result"]["list"]
        assert int(newest[0][0]) - int(newest[1][0]) == 60_000
        assert now_s() * 1_000 - int(newest[0][0]) < 63_000
        for wrong in ({"symbol": "ABCXYZ"}, {"interval": "2"}, {"start": "x"}, {"category": "linear"}):
            assert (await get(place, path, **(usual | wrong))).json()["retCode"] == 10001
        told = (await get(place, "/v5/market/time")).json()
        assert abs(int(told["result"]["timeNano"]) / 1e9 - now_s()) < 0.1
