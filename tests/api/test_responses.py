"""The answer for a symbol: every field of its signal, times as text, and null for unknown values."""

from typing import Any

import msgspec
import pytest

from api.responses import (
    HorizonResponse,
    LatestResponse,
    OutcomeResponse,
    QuantilesResponse,
    ShadowResponse,
    iso8601,
    response_of,
)
from api.view import View
from tests.api.signals import now_at, signals
from tests.market import START_MS
from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import Signal


def answer(signal: Signal, age_s: float = 2.5) -> dict[str, Any]:
    """Return the answer as decoded JSON."""
    view = View(stale_after_s=180)
    view.caught_up = True
    view.put(signal, 100.0)
    latest = view.get(signal.symbol)
    assert latest
    decoded: dict[str, Any] = response_of(latest, view, now_at(signal, age_s, 100.0)).model_dump(mode="json")
    return decoded


def with_timestamp(outcome: dict[str, Any] | None, timestamp: str) -> dict[str, Any] | None:
    return {**{key: outcome[key] for key in outcome if key != "open_time_ms"}, "timestamp": timestamp} if outcome else None


def test_the_answer_contains_every_field_of_the_signal() -> None:
    signal = signals(61)[-1]
    expected = msgspec.json.decode(msgspec.json.encode(signal))
    del expected["open_time_ms"]
    expected |= {"timestamp": "2024-01-01T01:00:00Z", "age_seconds": 2.5, "status": "warming", "horizon_over": False}
    expected |= {"valid_until": "2024-01-01T01:04:00Z", "sequence": 1, "usual_volatility": None}
    expected |= {"horizon_end": "2024-01-01T02:01:00Z", "outcome": with_timestamp(expected["outcome"], "2024-01-01T00:00:00Z")}
    quarter, four_hours = expected["other_horizons"]
    quarter |= {
        "horizon_end": "2024-01-01T01:16:00Z",
        "horizon_over": False,
        "valid_until": "2024-01-01T01:04:00Z",
        "outcome": with_timestamp(quarter["outcome"], "2024-01-01T00:45:00Z"),
    }
    four_hours |= {"horizon_end": "2024-01-01T05:01:00Z", "horizon_over": False, "valid_until": "2024-01-01T01:04:00Z"}
    assert [each["outcome"] is None for each in (expected, quarter, four_hours)] == [False, False, True]
    assert answer(signal) == expected


def test_each_forecast_says_whether_its_horizon_is_over() -> None:
    for age_s, expected in ((899.0, [False, False, False]), (901.0, [False, True, False]), (3_601.0, [True, True, False])):
        decoded = answer(signals(61)[-1], age_s)
        assert [each["horizon_over"] for each in (decoded, *decoded["other_horizons"])] == expected


def test_an_age_is_that_of_the_candle() -> None:
    decoded = answer(msgspec.structs.replace(signals(61)[-1], live=True), 86_400.0)
    assert (decoded["age_seconds"], decoded["status"]) == (86_400.0, "stale")


def test_unknown_values_are_null() -> None:
    decoded = answer(signals(1)[0])
    assert (decoded["rolling_mean"], decoded["outcome"], decoded["signal_rate"]) == (None, None, 0.0)
    assert [each["outcome"] for each in decoded["other_horizons"]] == [None, None]
    assert [(each["qlike"], each["covered"]) for each in decoded["shadows"]] == [(None, None), (None, None)]


def test_without_other_horizons_and_challengers_their_lists_are_empty() -> None:
    decoded = answer(msgspec.structs.replace(signals(1)[0], other_horizons=(), shadows=()))
    assert (decoded["other_horizons"], decoded["shadows"]) == ([], [])


def test_the_bounds_are_in_order_from_the_first_candle_on() -> None:
    for signal in signals(61):
        decoded = answer(signal)
        for forecast in (decoded, *decoded["other_horizons"]):
            assert 0 < forecast["volatility_lower"] <= forecast["volatility_median"] <= forecast["volatility_upper"]
            assert 0 < forecast["price_lower"] <= decoded["close"] <= forecast["price_upper"]


def test_status_age_and_price_range_come_first() -> None:
    assert list(answer(signals(61)[-1]))[:16] == [
        *("symbol", "timestamp", "status", "age_seconds", "valid_until", "sequence", "source", "live", "close"),
        *("model", "horizon_minutes", "horizon_end", "horizon_over", "interval_level", "price_lower", "price_upper"),
    ]


@pytest.mark.parametrize(
    ("struct", "model"),
    [
        (Signal, LatestResponse),
        (HorizonForecast, HorizonResponse),
        (Shadow, ShadowResponse),
        (Outcome, OutcomeResponse),
        (Quantiles, QuantilesResponse),
    ],
)
def test_the_answer_has_every_field_and_each_has_a_description(struct: type[msgspec.Struct], model: type[LatestResponse]) -> None:
    assert set(struct.__struct_fields__) - set(model.model_fields) <= {"open_time_ms"}
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_times_are_utc_with_a_z() -> None:
    assert [iso8601(time_ms) for time_ms in (0, START_MS)] == ["1970-01-01T00:00:00Z", "2024-01-01T00:00:00Z"]
