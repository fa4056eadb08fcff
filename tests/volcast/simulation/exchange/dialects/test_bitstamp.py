"""The dialect of Bitstamp, tested with plain clients."""

from tests.volcast.simulation.client import START_MS, exchange, get, receive, receive_subscribed, virtual


@virtual
async def test_trades_have_numbers_in_two_forms_and_ids_with_gaps() -> None:
    async with exchange("bitstamp") as server:
        ack, *received = await receive_subscribed(server, 200.0)
        assert ack == {"event": "bts:subscription_succeeded", "channel": "live_trades_btcusd", "data": {}}
        assert {(frame["event"], frame["channel"]) for frame in received} == {("trade", "live_trades_btcusd")}
        trades = [frame["data"] for frame in received]
        assert all(float(each["price_str"]) == each["price"] and float(each["amount_str"]) == each["amount"] for each in trades)
        assert all(each["microtimestamp"].startswith(each["timestamp"]) for each in trades)
        ids = [each["id"] for each in trades]
        assert ids == sorted(set(ids))
        assert ids[-1] - ids[0] > 2 * len(ids)


@virtual
async def test_heartbeats_are_answered_and_unknown_pairs_refused() -> None:
    async with exchange("bitstamp") as server:
        beat, *refused = await receive(
            server,
            "",
            '{"event":"bts:heartbeat"}',
            '{"event":"bts:subscribe","data":{"channel":"live_trades_abcxyz"}}',
            '{"event":"bts:subscribe"}',
            "7",
            for_s=100.0,
        )
        assert (beat["event"], beat["data"]) == ("bts:heartbeat", {"status": "success"})
        assert [frame["event"] for frame in refused] == ["bts:error"] * 3


@virtual
async def test_a_subscription_can_be_ended() -> None:
    async with exchange("bitstamp") as server:
        both = ('{"event":"bts:subscribe","data":{"channel":"live_trades_btcusd"}}',)
        end = both[0].replace("subscribe", "unsubscribe")
        assert [frame["event"] for frame in await receive(server, "", *both, end, for_s=100.0)] == [
            "bts:subscription_succeeded",
            "bts:unsubscription_succeeded",
        ]


@virtual
async def test_candles_over_rest_ascend_between_inclusive_bounds_without_empty_minutes() -> None:
    path, start_s = "/api/v2/ohlc/btcusd/", START_MS // 1_000
    async with exchange("bitstamp", trades_per_minute=2.0) as server:
        response = (await get(server, path, step=60, limit=1000, start=start_s, end=start_s + 1_200)).json()
        assert response["data"]["pair"] == "BTC/USD"
        rows = response["data"]["ohlc"]
        history = server.history("btcusd")
        expected_s = [start_s + minute * 60 for minute in range(21) if START_MS + minute * 60_000 in history]
        assert [int(row["timestamp"]) for row in rows] == expected_s
        assert len(expected_s) < 21
        assert rows[0] == {
            "timestamp": str(start_s),
            **{name: getattr(history[START_MS][0], name) for name in rows[0] if name != "timestamp"},
        }
        assert (await get(server, path, step=60, limit=2, start=start_s)).json()["data"]["ohlc"] == rows[:2]
        newest = (await get(server, path, step=60, limit=2, end=start_s + 1_200)).json()["data"]["ohlc"]
        assert newest == rows[-2:]
        assert (await get(server, path.replace("btc", "abc"), step=60, limit=2)).status_code == 404
        for wrong in ({}, {"step": 60, "limit": 1_001}, {"step": 61, "limit": 10}, {"step": 60, "limit": 10, "start": "x"}):
            assert (await get(server, path, **wrong)).status_code == 400
