"""The list of all symbols over HTTP."""

import httpx
import msgspec

from api.app import create_app
from api.routes.symbols import SymbolResponse
from api.view import View
from tests.api.signals import now_at, signals
from volcast.core.types import MINUTE_MS

NOW = now_at(signals(61)[-1], 2.5, 1_000.0)


async def get(view: View, path: str = "/symbols") -> httpx.Response:
    app = create_app(view, now=lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        return await client.get(path)


async def test_the_list_says_of_each_symbol_what_latest_says() -> None:
    view = View(180)
    for symbol in ("ETHUSDT", "BTCUSDT"):
        for signal in signals(61, symbol):
            view.put(signal, 1_000.0)
    answer = (await get(view)).json()
    assert (answer["count"], [each["symbol"] for each in answer["symbols"]]) == (2, ["BTCUSDT", "ETHUSDT"])
    latest = (await get(view, "/latest/BTCUSDT")).json()
    own = {"unusual": None, "drift_alarms": 0, "closes": None}
    assert answer["symbols"][0] == {name: latest[name] for name in SymbolResponse.model_fields if name not in own} | own
    closes = (await get(view, "/symbols?closes=true")).json()["symbols"][0]["closes"]
    assert closes == [signal.close for signal in signals(61)[1:]]


async def test_without_signals_the_list_is_empty() -> None:
    assert (await get(View(180))).json() == {"count": 0, "symbols": []}


async def test_a_forecast_far_above_the_usual_one_is_marked() -> None:
    view = View(180)
    for hour in range(25):
        day = {"open_time_ms": hour * 60 * MINUTE_MS, "warm": True, "volatility_annualized_deseasonalized": 0.5}
        view.put(msgspec.structs.replace(signals(1)[0], **day), 0.0)
    [calm] = (await get(view)).json()["symbols"]
    assert (calm["unusual"], calm["usual_volatility"]) == (False, calm["volatility"])
    wild = {"open_time_ms": 25 * 60 * MINUTE_MS, "warm": True, "volatility_annualized_deseasonalized": 1.0}
    view.put(msgspec.structs.replace(signals(1)[0], **wild), 0.0)
    [wild_answer] = (await get(view)).json()["symbols"]
    assert (wild_answer["unusual"], wild_answer["usual_volatility"]) == (True, wild_answer["volatility"] / 2)
