"""The routes, requested over HTTP."""

from collections.abc import Iterator

import httpx
import msgspec
import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from api.app import create_app
from api.view import View
from tests.api.signals import now_at, signals

NOW = now_at(signals(61)[-1], 2.5, 1_000.0)


def view_of(*symbols: str, minutes: int = 61) -> View:
    view = View(stale_after_s=180)
    for symbol in symbols:
        for signal in signals(minutes, symbol):
            view.put(signal, NOW.monotonic_s)
    return view


async def get(view: View, path: str, *collectors: Collector, method: str = "GET") -> httpx.Response:
    app = create_app(view, collectors, now=lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("symbol", str),
        ("timestamp", str),
        ("close", float),
        ("rolling_mean", float),
        ("signal", int),
        ("signal_rate", float),
        ("signal_rate_window", float),
        ("horizon_minutes", int),
        ("horizon_end", str),
        ("horizon_over", bool),
        ("price_lower", float),
        ("price_upper", float),
        ("volatility", float),
        ("volatility_lower", float),
        ("volatility_median", float),
        ("volatility_upper", float),
        ("volatility_annualized", float),
        ("volatility_annualized_deseasonalized", float),
        ("noise_ratio", float),
        ("warm", bool),
        ("candles", int),
        ("age_seconds", float),
        ("status", str),
        ("other_horizons", list),
        ("shadows", list),
    ],
)
async def test_the_answer_has_the_documented_keys_and_types(key: str, kind: type) -> None:
    assert type((await get(view_of("BTCUSDT"), "/latest/BTCUSDT")).json()[key]) is kind


async def test_latest_of_all_symbols_is_an_object_by_symbol() -> None:
    view = view_of("ETHUSDT", "BTCUSDT", minutes=2)
    answer = (await get(view, "/latest")).json()
    assert list(answer) == ["BTCUSDT", "ETHUSDT"]
    assert answer["ETHUSDT"] == (await get(view, "/latest/ETHUSDT")).json()
    assert (await get(View(180), "/latest")).json() == {}


async def test_latest_of_many_symbols_is_what_each_of_them_answers() -> None:
    view = View(180)
    for i in range(500):
        view.put(msgspec.structs.replace(signals(1)[0], symbol=f"S{i}USDT"), 0.0)
    answer = (await get(view, "/latest")).json()
    assert list(answer) == view.symbols
    assert answer["S7USDT"] == (await get(view, "/latest/S7USDT")).json()


@pytest.mark.parametrize("path", ["btcusdt", "BtcUsdt", "BTCUSDT"])
async def test_a_symbol_is_found_in_any_case(path: str) -> None:
    response = await get(view_of("BTCUSDT", minutes=1), f"/latest/{path}")
    assert (response.status_code, response.json()["symbol"]) == (200, "BTCUSDT")


@pytest.mark.parametrize("path", ["/", "/latest", "/latest/BTCUSDT", "/latest/NONE", "/health", "/ready", "/metrics"])
async def test_head_answers_as_get_does(path: str) -> None:
    view = view_of("BTCUSDT", minutes=1)
    found, head = await get(view, path), await get(view, path, method="HEAD")
    assert head.status_code == found.status_code
    for each in (head, found) if path == "/metrics" else ():  # its values have more or fewer digits from one moment to the next
        assert int(each.headers.pop("content-length")) > 1_000
    for each in (head, found):
        del each.headers["x-request-id"]
    assert head.headers == found.headers


async def test_an_unknown_symbol_does_not_list_thousands_of_others() -> None:
    view = View(180)
    for i in range(5_000):
        view.put(msgspec.structs.replace(signals(1)[0], symbol=f"S{i:04}"), 0.0)
    answer = await get(view, "/latest/NONE")
    body = answer.json()
    first = [f"S{i:04}" for i in range(20)]
    assert body == {
        "type": "/problems#unknown-symbol",
        "title": "Unknown symbol",
        "status": 404,
        "instance": "/latest/NONE",
        "request_id": answer.headers["x-request-id"],
        "detail": f"no signal for 'NONE'; symbols with a signal: {', '.join(first)} and 4980 more",
        "known": first,
        "known_count": 5_000,
    }


async def test_records_that_cannot_be_read_are_shown() -> None:
    view = view_of("BTCUSDT", "ETHUSDT")
    view.caught_up = True
    for symbol in ("BTCUSDT", "DOGEUSDT", None):
        view.put_unreadable(symbol)
    latest = (await get(view, "/latest")).json()
    assert {symbol: answer["status"] for symbol, answer in latest.items()} == {"BTCUSDT": "unreadable", "ETHUSDT": "warming"}
    assert (await get(view, "/ready")).json() == {
        "ready": True,
        "signals": 122,
        "unreadable": 3,
        "unreadable_symbols": ["BTCUSDT", "DOGEUSDT"],
    }
    response = await get(view, "/latest/dogeusdt")
    assert response.status_code == 404
    assert response.json()["detail"] == "the signals for 'dogeusdt' cannot be read; see the log messages of this process"


@pytest.mark.parametrize("path", ["DOGEUSDT", "BTC%20USDT", "%F0%9F%90%95"])
async def test_an_unknown_symbol_is_answered_with_the_known_ones(path: str) -> None:
    response = await get(view_of("ETHUSDT", "BTCUSDT", minutes=1), f"/latest/{path}")
    assert response.status_code == 404
    assert response.json()["known"] == ["BTCUSDT", "ETHUSDT"]
    assert response.json()["detail"].endswith("; symbols with a signal: BTCUSDT, ETHUSDT")


async def test_before_the_first_signal_a_symbol_is_unknown() -> None:
    response = await get(View(180), "/latest/BTCUSDT")
    assert (response.status_code, response.json()["known"], response.json()["known_count"]) == (404, [], 0)
    assert response.json()["detail"] == "no signal for 'BTCUSDT'; symbols with a signal: none yet"


async def test_health_is_about_the_process() -> None:
    response = await get(View(180), "/health")
    assert (response.status_code, response.text) == (200, "alive\n")


async def test_ready_is_about_the_log() -> None:
    view = view_of("BTCUSDT", minutes=3)
    counts = {"signals": 3, "unreadable": 0, "unreadable_symbols": []}
    response = await get(view, "/ready")
    assert response.status_code == 503
    assert {**counts, "ready": False, "status": 503, "type": "/problems#not-ready"}.items() <= response.json().items()
    view.caught_up = True
    response = await get(view, "/ready")
    assert (response.status_code, response.json()) == (200, {**counts, "ready": True})


class ExtraCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("volcast_of_this_test", "A metric of another part of the process.", 7.0)


async def test_metrics_include_those_of_other_parts_of_the_process() -> None:
    response = await get(view_of("BTCUSDT"), "/metrics", ExtraCollector())
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    (close,) = families["volcast_close"].samples
    assert (close.labels, close.value) == ({"symbol": "BTCUSDT"}, signals(61)[-1].close)
    assert families["volcast_of_this_test"].samples[0].value == 7.0


async def test_the_schema_lists_the_routes_and_their_answers() -> None:
    schema = (await get(View(180), "/openapi.json")).json()
    of_symbols = {f"/{name}/{{symbol}}" for name in ("latest", "probability", "drift", "history", "models", "quality")}
    names = ("latest", "symbols", "drift", "models", "predict", "stream", "config", "health", "ready", "metrics")
    of_all = {f"/{name}" for name in names}
    assert set(schema["paths"]) == of_symbols | of_all
    assert set(schema["paths"]["/latest/{symbol}"]["get"]["responses"]) >= {"200", "404"}
    assert set(schema["paths"]["/ready"]["get"]["responses"]) >= {"200", "503"}
    assert schema["components"]["schemas"]["Status"]["enum"] == [
        *("restoring", "unreadable", "clock_skew", "stale", "finished", "sparse", "warming", "replaying", "ok")
    ]


async def test_the_swagger_page_is_served() -> None:
    response = await get(View(180), "/docs")
    assert response.status_code == 200
    assert "swagger" in response.text
