"""OKX's dialect, as a plain client meets it."""

from tests.volcast.simulation.visit import (
    START_MS,
    SUBSCRIBE,
    connected,
    exchange,
    frames,
    get,
    now_s,
    open_ms,
    virtual,
    visit,
    watch,
)

BUSINESS, PUBLIC = "/ws/v5/business", "/ws/v5/public"


@virtual
async def test_candles_are_rows_of_strings_closed_by_their_last_one() -> None:
    async with exchange("okx") as place:
        heard = await watch(place, 130.0)
        acks = [frame for frame in heard if "event" in frame]
        assert [(ack["event"], ack["arg"]["instId"]) for ack in acks] == [("subscribe", "BTC-USD"), ("subscribe", "ETH-USD")]
        rows = [frame["data"][0] for frame in heard if "data" in frame and frame["arg"]["instId"] == "BTC-USD"]
        closed = [row for row in rows if row[8] == "1"]
        assert [int(row[0]) for row in closed] == [open_ms(0), open_ms(1)]
        for row in closed:
            version = place.history("BTC-USD")[int(row[0])][0]
            assert row[1:8] == [*version[:6], version.quote_volume]
        assert {len(row) for row in rows} == {9}


@virtual
async def test_trades_stand_on_the_other_path() -> None:
    async with exchange("okx") as place:
        trades = '{"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USD"}]}'
        heard = await visit(place, PUBLIC, trades, for_s=60.0)
        ids = [int(frame["data"][0]["tradeId"]) for frame in heard[1:]]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        for path, says in ((BUSINESS, trades), (PUBLIC, SUBSCRIBE["okx"][1])):
            assert {frame["code"] for frame in await visit(place, path, says)} == {"60018"}


@virtual
async def test_ping_is_a_text_and_silence_of_both_is_cut_after_thirty_seconds() -> None:
    async with exchange("okx") as place:
        async with connected(place, BUSINESS, ["ping"]) as socket:
            began_s = now_s()
            assert [frame for _, frame in await frames(socket, 100.0)] == ["pong"]
            assert 29.9 < now_s() - began_s < 30.3
        wrong = ["{}", '{"op":"subscribe","args":[7]}', '{"op":"subscribe","args":[{"channel":"candle1m","instId":"ABC-XYZ"}]}']
        assert [frame["code"] for frame in await visit(place, BUSINESS, *wrong)] == ["60012", "60012", "60018"]


@virtual
async def test_candles_by_rest_descend_between_exclusive_bounds() -> None:
    async with exchange("okx") as place:
        for path in ("/api/v5/market/candles", "/api/v5/market/history-candles"):

            async def opens(of: str, **bounds: object) -> list[int]:
                answer = (await get(place, of, instId="BTC-USD", bar="1m", **bounds)).json()
                assert answer["code"] == "0"
                return [(int(row[0]) - START_MS) // 60_000 for row in answer["data"]]

            bounds = {"before": START_MS + 60_000, "after": START_MS + 5 * 60_000}
            assert await opens(path, **bounds) == [4, 3, 2]
            assert await opens(path, **bounds, limit=2) == [4, 3]
            assert await opens(path, after=START_MS + 2 * 60_000) == [1, 0]
        flags = [row[8] for row in (await get(place, "/api/v5/market/candles", instId="BTC-USD")).json()["data"]]
        assert set(flags[1:]) == {"1"}
        for wrong, code in (({"instId": "ABC-XYZ"}, "51001"), ({"bar": "2m"}, "51000"), ({"after": "x"}, "51000")):
            answer = await get(place, "/api/v5/market/candles", **({"instId": "BTC-USD"} | wrong))
            assert answer.json()["code"] == code


@virtual
async def test_the_newest_1440_rows_then_history() -> None:
    async with exchange("okx") as place:
        now_us = (START_MS + 2_000 * 60_000) * 1_000
        books = place._rest._books(now_us, 0)
        first = place.dialect.answer(
            "/api/v5/market/candles", {"instId": "BTC-USD", "after": str(START_MS + 600 * 60_000)}, books
        )
        assert first is not None
        assert len(first.body.split(b"],[")) == 600 - 2_000 + 1_440 - 1
        older = {"instId": "BTC-USD", "after": str(START_MS + 100 * 60_000), "limit": "300"}
        assert place.dialect.answer("/api/v5/market/candles", older, books).body == b'{"code":"0","msg":"","data":[]}'  # type: ignore[union-attr]  # there is one
        history = place.dialect.answer("/api/v5/market/history-candles", older, books)
        assert history is not None
        assert len(history.body.split(b"],[")) == 100
        told_ms = int((await get(place, "/api/v5/public/time")).json()["data"][0]["ts"])
        assert abs(told_ms / 1_000 - now_s()) < 0.1
