"""What a trader is told: every field of the signal, what it means for the clock, and null for what is not known."""

from typing import Any

import msgspec
import pytest

from api.responses import HorizonResponse, LatestResponse, OutcomeResponse, ShadowResponse, iso8601, response_of
from api.view import View
from tests.api.signals import signals
from tests.market import START_MS
from volcast.core.types import HorizonForecast, Outcome, Shadow, Signal


def answer(signal: Signal, age_s: float = 2.5) -> dict[str, Any]:
    """As it stands in the JSON."""
    view = View(stale_after_s=180)
    view.put(signal, 100.0)
    view.caught_up = True
    latest = view.get(signal.symbol)
    assert latest
    told: dict[str, Any] = response_of(latest, view, 100.0 + age_s).model_dump(mode="json")
    return told


def with_words(outcome: dict[str, Any] | None, timestamp: str) -> dict[str, Any] | None:
    return {**{key: outcome[key] for key in outcome if key != "open_time_ms"}, "timestamp": timestamp} if outcome else None


def test_all_of_a_signal_is_told() -> None:
    signal = signals(61)[-1]
    expected = msgspec.json.decode(msgspec.json.encode(signal))
    del expected["open_time_ms"]
    expected |= {"timestamp": "2024-01-01T01:00:00Z", "age_seconds": 2.5, "status": "warming"}
    expected |= {"horizon_end": "2024-01-01T02:01:00Z", "outcome": with_words(expected["outcome"], "2024-01-01T00:00:00Z")}
    quarter, four_hours = expected["other_horizons"]
    quarter |= {"horizon_end": "2024-01-01T01:16:00Z", "outcome": with_words(quarter["outcome"], "2024-01-01T00:45:00Z")}
    four_hours |= {"horizon_end": "2024-01-01T05:01:00Z"}
    assert [each["outcome"] is None for each in (expected, quarter, four_hours)] == [False, False, True]
    assert answer(signal) == expected


def test_what_is_not_known_yet_is_null() -> None:
    told = answer(signals(1)[0])
    assert (told["rolling_mean"], told["outcome"], told["signal_rate"]) == (None, None, 0.0)
    assert [each["outcome"] for each in told["other_horizons"]] == [None, None]
    assert [(each["qlike"], each["covered"]) for each in told["shadows"]] == [(None, None), (None, None)]


def test_without_further_horizons_and_challengers_their_lists_are_empty() -> None:
    told = answer(msgspec.structs.replace(signals(1)[0], other_horizons=(), shadows=()))
    assert (told["other_horizons"], told["shadows"]) == ([], [])


def test_the_bounds_are_in_order_from_the_first_candle_on() -> None:
    for signal in signals(61):
        told = answer(signal)
        for forecast in (told, *told["other_horizons"]):
            assert 0 < forecast["volatility_lower"] <= forecast["volatility_median"] <= forecast["volatility_upper"]
            assert 0 < forecast["price_lower"] <= told["close"] <= forecast["price_upper"]


def test_state_age_and_range_stand_on_top() -> None:
    """What is read first."""
    assert list(answer(signals(61)[-1]))[:12] == [
        *("symbol", "timestamp", "status", "age_seconds", "source", "live", "close"),
        *("horizon_minutes", "horizon_end", "interval_level", "price_lower", "price_upper"),
    ]


@pytest.mark.parametrize(
    ("struct", "told"),
    [(Signal, LatestResponse), (HorizonForecast, HorizonResponse), (Shadow, ShadowResponse), (Outcome, OutcomeResponse)],
)
def test_no_field_is_forgotten_and_each_has_a_sentence(struct: type[msgspec.Struct], told: type[LatestResponse]) -> None:
    assert set(struct.__struct_fields__) - set(told.model_fields) <= {"open_time_ms"}
    silent = {name for name, field in told.model_fields.items() if not field.description}
    assert silent <= {"symbol", "status", "close", "model"}


def test_times_are_utc_with_a_z() -> None:
    assert [iso8601(time_ms) for time_ms in (0, START_MS)] == ["1970-01-01T00:00:00Z", "2024-01-01T00:00:00Z"]
