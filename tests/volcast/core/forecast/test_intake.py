"""The forecast after some candles is what an engine forecasts that has seen the same."""

from collections.abc import Sequence
from math import exp, sqrt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market import minutes_with_gaps, walk
from volcast.core.engine import Engine
from volcast.core.forecast.intake import CandleInput, ForecastAfter, forecast_after
from volcast.core.forecast.prior import bundled
from volcast.core.forecast.results import HorizonForecast
from volcast.core.types import Candle, EngineConfig, Signal

EXACTLY = 1e-12
"""One machine computes both in the same order."""


def numbers(candles: Sequence[Candle]) -> list[CandleInput]:
    return [CandleInput(*(getattr(each, name) for name in CandleInput._fields)) for each in candles]


def last_signal(candles: Sequence[Candle], config: EngineConfig) -> Signal:
    engine = Engine(candles[0].symbol, config, 2)
    *_, signal = map(engine.step, candles)
    assert isinstance(signal, Signal)
    return signal


def check_equal(after: ForecastAfter, signal: Signal | HorizonForecast) -> None:
    prediction = after.prediction
    assert sqrt(prediction.variance) == pytest.approx(signal.volatility, rel=EXACTLY)
    assert prediction.median == pytest.approx(signal.volatility_median, rel=EXACTLY)
    assert (prediction.lower, prediction.upper) == pytest.approx((signal.volatility_lower, signal.volatility_upper), rel=EXACTLY)
    prices = [after.close * exp(each) for each in (prediction.return_lower, prediction.return_upper)]
    assert prices == pytest.approx([signal.price_lower, signal.price_upper], rel=EXACTLY)
    for name in signal.quantiles.__struct_fields__:
        assert getattr(after.quantiles, name) == pytest.approx(getattr(signal.quantiles, name), rel=EXACTLY)
    assert after.outcomes == signal.outcomes


@pytest.mark.parametrize("count", [1, 2, 59, 60, 61, 62, 500, 1_600])
def test_as_many_candles_as_you_like(count: int) -> None:
    candles = walk(count)
    check_equal(forecast_after(numbers(candles), prior=bundled()), last_signal(candles, EngineConfig()))


@pytest.mark.parametrize("horizon", [5, 15, 240])
def test_any_horizon(horizon: int) -> None:
    candles = walk(400)
    after = forecast_after(numbers(candles), horizon, 0.8, bundled())
    check_equal(after, last_signal(candles, EngineConfig(horizons=(horizon,), interval_level=0.8)))


def test_without_a_prior() -> None:
    candles = walk(300)
    check_equal(forecast_after(numbers(candles)), last_signal(candles, EngineConfig(prior="none")))


def test_another_horizon_of_an_engine_has_the_same_forecast() -> None:
    candles = walk(300)
    signal = last_signal(candles, EngineConfig(horizons=(60, 15)))
    check_equal(forecast_after(numbers(candles), 15, prior=bundled()), signal.other_horizons[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 250), st.integers(0, 1_000), st.integers(0, 249))
def test_gaps_and_suspect_prices_are_treated_alike(count: int, seed: int, spoiled: int) -> None:
    candles = walk(minutes_with_gaps(count, seed, 0.03), seed)
    at = spoiled % len(candles)
    candles[at] = msgspec.structs.replace(candles[at], high=candles[at].high * 30)
    after, signal = forecast_after(numbers(candles), prior=bundled()), last_signal(candles, EngineConfig())
    check_equal(after, signal)
    assert (after.gaps, after.missing_minutes, after.missing_share) == (signal.gaps, signal.missing_minutes, signal.missing_share)
    assert (after.suspect, after.suspect_candles) == (signal.suspect, signal.suspect_candles)


def test_without_a_candle_there_is_no_forecast() -> None:
    with pytest.raises(ValueError, match="at least one candle"):
        forecast_after([])
