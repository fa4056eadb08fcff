"""What both clients of the API promise, on a real server: values, staleness, errors in words."""

import time

import pytest

from tests.volcast.client.live_api import Kind, both, calling, live_api, live_signal, live_view, this_minute_ms
from volcast.client import StaleForecastError, UnknownSymbolError


@both
async def test_the_latest_forecast_may_be_used_until_it_may_not(kind: Kind) -> None:
    async with live_api(live_view("A", "B")) as url, calling(kind, url) as call:
        forecast = await call("latest", "a")
        assert (forecast.symbol, forecast.status, forecast.horizon_minutes) == ("A", "ok", 60)
        assert forecast.price_lower < forecast.close < forecast.price_upper
        assert 0 < forecast.seconds_left <= 180
        assert forecast.age_now_s == pytest.approx(180 - forecast.seconds_left, abs=0.5)
        forecast.require_current()


@both
async def test_an_old_forecast_is_refused_unless_it_is_asked_for(kind: Kind) -> None:
    view = live_view("A")
    view.put(live_signal("OLD", this_minute_ms() - 3_600_000), time.monotonic())
    async with live_api(view) as url, calling(kind, url) as call:
        with pytest.raises(StaleForecastError) as refused:
            await call("latest", "OLD")
        assert str(refused.value).startswith("do not use the forecast of OLD: status is stale (the feed has sent no candle for")
        assert refused.value.circumstances.age_seconds == pytest.approx(3_600, abs=70)
        assert (await call("latest", "OLD", allow_stale=True)).status == "stale"
        assert (await call("latest", "OLD", accept={"ok", "stale"})).seconds_left < -3_000
        found = await call("latest_all")
        assert (list(found.current), list(found.refused)) == (["A"], ["OLD"])
        assert [each.status for each in await call("symbols")] == ["ok", "stale"]
        for question in ("drift", "probability"):
            prices = {"above": 1.0} if question == "probability" else {}
            with pytest.raises(StaleForecastError):
                await call(question, "OLD", **prices)
            assert (await call(question, "A", **prices)).status == "ok"


@both
async def test_an_unknown_symbol_is_told_in_the_words_of_the_api(kind: Kind) -> None:
    async with live_api(live_view("A")) as url, calling(kind, url) as call:
        with pytest.raises(UnknownSymbolError, match=r"no signal for 'XY'; symbols with a signal: A") as refused:
            await call("latest", "XY")
        assert refused.value.code == 404
        with pytest.raises(ValueError, match=r"a symbol is a name such as BTCUSDT or BTCUSDT.BINANCE; got 'BTC/USDT'"):
            await call("latest", "BTC/USDT")
