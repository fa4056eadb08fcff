"""What a forecast answers, and what it does not claim to know."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from tests.volcast.library.market import candles_of, sample
from volcast import Forecast, Forecaster, NoForecastError
from volcast.core.forecast.distribution.questions import PriceOutlook

ROWS = 300


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    forecaster = Forecaster(horizons=(60, 15))
    forecaster.run(sample(ROWS), symbol="BTCUSDT")
    return forecaster.latest()


def test_answers_are_those_of_the_distribution(forecast: Forecast) -> None:
    record, close = forecast.record, forecast.close
    outlook = PriceOutlook(record.quantiles, close)
    assert forecast.probability_above(close) == outlook.above(close)
    assert forecast.probability_below(0.99 * close) == outlook.below(0.99 * close)
    assert forecast.probability_between(close, 1.01 * close) == outlook.between(close, 1.01 * close)
    assert forecast.probability_touch(1.005 * close) == outlook.touched(1.005 * close)
    assert forecast.price_interval(0.8) == outlook.price_range(0.8)
    assert 0.0 < forecast.value_at_risk(0.99) < forecast.expected_shortfall(0.99)
    assert forecast.value_at_risk(0.99, "short") == forecast.loss(0.99, "short").value_at_risk


def test_the_default_intervals_are_those_of_the_record(forecast: Forecast) -> None:
    record = forecast.record
    assert forecast.price_interval() == forecast.price_interval(0.9) == (record.price_lower, record.price_upper, False)
    assert forecast.volatility_interval() == (record.volatility_lower, record.volatility_upper, False)
    narrow, wide = forecast.volatility_interval(0.5), forecast.volatility_interval(0.95)
    assert wide.lower < narrow.lower < forecast.volatility_median < narrow.upper < wide.upper


def test_another_horizon(forecast: Forecast) -> None:
    short = forecast.at(15)
    assert short.volatility == forecast.record.other_horizons[0].volatility
    assert short.horizon_end == datetime(2024, 1, 1, 5, 15, tzinfo=UTC)
    assert short.outcomes == ROWS - 15
    low, high, _ = short.price_interval(0.8)
    assert forecast.price_interval(0.8).lower < low < forecast.close < high
    assert short.at(60).volatility == forecast.volatility
    with pytest.raises(NoForecastError, match="has no forecast for 240 minutes, only for 60, 15"):
        forecast.at(240)


def test_paths_are_scenarios_of_the_market(forecast: Forecast) -> None:
    paths = forecast.paths(50, seed=1)
    assert paths.close.shape == (50, 61)
    assert (paths.close[:, 0] == forecast.close).all()
    assert (paths.close == forecast.paths(50, seed=1).close).all()
    assert forecast.at(15).paths(3, seed=1).close.shape == (3, 16)
    with pytest.raises(NoForecastError, match="the number of paths"):
        forecast.paths(0, seed=1)


def test_until_when_it_holds(forecast: Forecast) -> None:
    end = forecast.open_time + timedelta(minutes=1)
    assert forecast.valid_until == end + timedelta(seconds=180)
    assert forecast.is_valid(end)
    assert not forecast.is_valid(end + timedelta(seconds=180))
    with pytest.raises(ValueError, match="no time zone"):
        forecast.is_valid(end.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda it: it.price_interval(0.9999), "must be above 0 and at most 0.998"),
        (lambda it: it.volatility_interval(1.0), "must be above 0 and at most 0.998"),
        (lambda it: it.volatility_interval(float("nan")), "got nan"),
        (lambda it: it.value_at_risk(0.9999), "from 0.5 to 0.999"),
        (lambda it: it.value_at_risk(0.9, "both"), "'long' or 'short'; got 'both'"),
        (lambda it: it.probability_above(-1.0), "a price must be a number above 0"),
        (lambda it: it.probability_touch(it.close), "touched already"),
        (lambda it: it.probability_between(2.0, 1.0), "must be the lower one"),
    ],
)
def test_a_question_without_an_answer(forecast: Forecast, ask: object, sentence: str) -> None:
    assert callable(ask)
    with pytest.raises(NoForecastError, match=sentence):
        ask(forecast)


def test_what_is_rarer_than_is_known_is_a_bound(forecast: Forecast) -> None:
    answer = forecast.probability_above(2 * forecast.close)
    assert (answer.value, answer.relation, answer.extrapolated) == (0.001, "less", True)


def test_before_the_first_outcome_there_is_none() -> None:
    forecaster = Forecaster()
    forecaster.run(sample(60))
    forecast = forecaster.latest()
    assert (forecast.outcomes, forecast.outcome, forecast.warm) == (0, None, False)
    forecaster.run(sample(61))
    assert forecaster.latest().outcomes == 1
    assert forecaster.latest().outcome is not None
    forecaster = Forecaster(window=100)
    forecaster.run(sample(60))
    assert forecaster.latest().rolling_mean is None


def test_a_waiting_candle_answers_nothing() -> None:
    forecast = Forecaster().update(**candles_of(sample(1))[0])
    assert forecast.waiting
    assert not forecast.is_valid(datetime(2024, 1, 1, tzinfo=UTC))
    asked = (
        lambda: forecast.volatility,
        lambda: forecast.signal,
        lambda: forecast.warm,
        lambda: forecast.valid_until,
        forecast.price_interval,
        lambda: forecast.at(60),
    )
    for ask in asked:
        with pytest.raises(NoForecastError, match="waits for the next candle to confirm it"):
            ask()


def test_a_suspect_price_answers_nothing_about_prices() -> None:
    frame = sample(ROWS)
    tick = candles_of(frame.tail(1))[0] | {"open_time": pd.Timestamp("2024-01-01 05:00"), "low": 0.01, "close": 0.01}
    forecaster = Forecaster()
    forecaster.run(frame)
    forecast = forecaster.update(**tick)
    assert forecast.record.suspect
    assert forecast.valid_until is None
    assert forecast.volatility > 0.0
    for ask in (forecast.price_interval, forecast.loss, lambda: forecast.paths(1, 1)):
        with pytest.raises(NoForecastError, match="far outside the market's scale"):
            ask()
    found = forecaster.run(frame.tail(2).assign(timestamp=["2024-01-01 05:00", "2024-01-01 05:01"]).tail(1))
    assert not found.suspect.any()
