"""The dialect of OKX, tested with plain clients."""

from tests.volcast.simulation.client import (
    START_MS,
    SUBSCRIBE,
    connected,
    exchange,
    frames,
    get,
    now_s,
    open_ms,
    receive,
    receive_subscribed,
    virtual,
)

BUSINESS, PUBLIC = "/ws/v5/business", "/ws/v5/public"


@virtual
async def test_candles_are_rows_of_strings_and_the_last_one_is_the_closed_flag() -> None:
    async with exchange("okx") as server:
        received = await receive_subscribed(server, 130.0)
        acks = [frame for frame in received if "event" in frame]
        assert [(ack["event"], ack["arg"]["instId"]) for ack in acks] == [("subscribe", "BTC-USD"), ("subscribe", "ETH-USD")]
        rows = [frame["data"][0] for frame in received if "data" in frame and frame["arg"]["instId"] == "BTC-USD"]
        closed = [row for row in rows if row[8] == "1"]
        assert [int(row[0]) for row in closed] == [open_ms(0), open_ms(1)]
        for row in closed:
            version = server.history("BTC-USD")[int(row[0])][0]
            assert row[1:8] == [*version[:6], version.quote_volume]
        assert {len(row) for row in rows} == {9}


@virtual
async def test_trades_are_on_the_other_path() -> None:
    async with exchange("okx") as server:
        trades = '{"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USD"}]}'
        received = await receive(server, PUBLIC, trades, for_s=60.0)
        ids = [int(frame["data"][0]["tradeId"]) for frame in received[1:]]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        for path, message in ((BUSINESS, trades), (PUBLIC, SUBSCRIBE["okx"][1])):
            assert {frame["code"] for frame in await receive(server, path, message)} == {"60018"}


@virtual
async def test_ping_is_text_and_an_idle_connection_is_cut_after_thirty_seconds() -> None:
    async with exchange("okx") as server:
        async with connected(server, BUSINESS, ["ping"]) as socket:
            began_s = now_s()
            assert [frame for _, frame in await frames(socket, 100.0)] == ["pong"]
            assert 29.9 < now_s() - began_s < 30.3
        wrong = ["{}", '{"op":"subscribe","args":[7]}', '{"op":"subscribe","args":[{"channel":"candle1m","instId":"ABC-XYZ"}]}']
        assert [frame["code"] for frame in await receive(server, BUSINESS, *wrong)] == ["60012", "60012", "60018"]


@virtual
async def test_candles_over_rest_descend_between_exclusive_bounds() -> None:
    async with exchange("okx") as server:
        for path in ("/api/v5/market/candles", "/api/v5/market/history-candles"):

            async def opens(of: str, **bounds: object) -> list[int]:
                response = (await get(server, of, instId="BTC-USD", bar="1m", **bounds)).json()
                assert response["code"] == "0"
                return [(int(row[0]) - START_MS) // 60_000 for row in response["data"]]

            bounds = {"before": START_MS + 60_000, "after": START_MS + 5 * 60_000}
            assert await opens(path, **bounds) == [4, 3, 2]
            assert await opens(path, **bounds, limit=2) == [4, 3]
            assert await opens(path, after=START_MS + 2 * 60_000) == [1, 0]
        flags = [row[8] for row in (await get(server, "/api/v5/market/candles", instId="BTC-USD")).json()["data"]]
        assert set(flags[1:]) == {"1"}
        for wrong, code in (({"instId": "ABC-XYZ"}, "51001"), ({"bar": "2m"}, "51000"), ({"after": "x"}, "51000")):
            response = await get(server, "/api/v5/market/candles", **({"instId": "BTC-USD"} | wrong))
            assert response.json()["code"] == code


@virtual
async def test_the_newest_1440_rows_and_then_history() -> None:
    async with exchange("okx") as server:
        now_us = (START_MS + 2_000 * 60_000) * 1_000
        market_data = server._rest._market_data(now_us, 0)
        first = server.dialect.respond(
            "/api/v5/market/candles", {"instId": "BTC-USD", "after": str(START_MS + 600 * 60_000)}, market_data
        )
        assert first is not None
        assert len(first.body.split(b"],[")) == 600 - 2_000 + 1_440 - 1
        older = {"instId": "BTC-USD", "after": str(START_MS + 100 * 60_000), "limit": "300"}
        assert server.dialect.respond("/api/v5/market/candles", older, market_data).body == b'{"code":"0","msg":"","data":[]}'  # type: ignore[union-attr]  # it is not None
        history = server.dialect.respond("/api/v5/market/history-candles", older, market_data)
        assert history is not None
        assert len(history.body.split(b"],[")) == 100
        server_ms = int((await get(server, "/api/v5/public/time")).json()["data"][0]["ts"])
        assert abs(server_ms / 1_000 - now_s()) < 0.1
