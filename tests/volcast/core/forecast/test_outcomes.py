"""Outcomes, other horizons and shadows against values computed by hand."""

from math import exp, log, sqrt

import pytest

from tests.market import at
from tests.minutes import minutes
from volcast.core.forecast.forecaster import Predictions, ResolvedForecasts
from volcast.core.forecast.learner import Learner, Prediction, ResolvedForecast
from volcast.core.forecast.outcomes import annualized, make_horizon_forecasts, make_outcome, make_shadows
from volcast.core.forecast.results import Outcome, Shadow
from volcast.core.market.state import Market
from volcast.core.models import MODELS

NONE_DUE = ResolvedForecasts({}, {})
PREDICTION = Prediction(4e-4, 0.018, 0.01, 0.03, -0.02, 0.025)


def outcome(realized_variance: float = 1e-4, log_return: float = 0.0) -> Outcome:
    made = make_outcome(ResolvedForecast(PREDICTION, 9e-4, realized_variance, log_return), at(60), 60)
    assert made is not None
    return made


def test_an_outcome_belongs_to_the_forecast_of_one_horizon_before() -> None:
    one = outcome()
    assert one.open_time_ms == at(0)
    assert (one.realized_volatility, one.volatility, one.volatility_ewma) == pytest.approx((0.01, 0.02, 0.03))
    assert one.qlike == pytest.approx(0.25 - log(0.25) - 1)
    assert one.qlike_ewma == pytest.approx(1 / 9 - log(1 / 9) - 1)
    day = make_outcome(ResolvedForecast(PREDICTION, 9e-4, 1e-4, 0.0), at(1_440), 1_440)
    assert day is not None
    assert day.open_time_ms == at(0)


def test_without_a_due_forecast_there_is_no_outcome() -> None:
    assert make_outcome(None, at(60), 60) is None


@pytest.mark.parametrize(
    ("volatility", "covered"), [(0.0099, False), (0.0101, True), (0.0299, True), (0.0301, False), (0.0, False)]
)
def test_covered_means_within_the_interval(volatility: float, covered: bool) -> None:  # noqa: FBT001  # both
    assert outcome(realized_variance=volatility**2).covered is covered


@pytest.mark.parametrize(("move", "covered"), [(-0.021, False), (-0.02, True), (0.025, True), (0.026, False)])
def test_price_covered_means_within_the_price_bounds(move: float, covered: bool) -> None:  # noqa: FBT001  # both
    assert outcome(log_return=move).price_covered is covered


@pytest.mark.parametrize(("horizon", "times"), [(60, 8_760), (15, 35_040), (1_440, 365)])
def test_annualized_volatility_scales_with_the_root_of_time(horizon: int, times: int) -> None:
    assert annualized(0.01, horizon) == pytest.approx(0.01 * sqrt(times))


def test_another_horizon_has_the_fields_of_the_first() -> None:
    learner, market = Learner(MODELS["ewma"](240, None), 240), Market()
    predictions = []
    for row in minutes(400):
        market.push(*row)
        learner.resolve(market)
        predictions.append(learner.predict(market))
    prediction = predictions[-1]
    made = Predictions({60: PREDICTION, 240: prediction}, {})
    [one] = make_horizon_forecasts([(240, learner)], made, NONE_DUE, 50.0, at(400))
    assert (one.horizon_minutes, one.outcomes, one.outcome, one.quantiles) == (240, 160, None, learner.quantiles)
    assert (one.volatility, one.volatility_median) == (sqrt(prediction.variance), prediction.median)
    assert (one.volatility_lower, one.volatility_upper) == (prediction.lower, prediction.upper)
    assert one.volatility_annualized == pytest.approx(one.volatility * sqrt(2_190))
    assert (one.price_lower, one.price_upper) == (50.0 * exp(prediction.return_lower), 50.0 * exp(prediction.return_upper))


def test_a_shadow_has_a_loss_once_it_has_an_outcome() -> None:
    learners = {"har": Learner(MODELS["har"](60, None), 60)}
    made = Predictions({60: PREDICTION}, {"har": PREDICTION})
    assert make_shadows(learners, made, NONE_DUE, at(60)) == (Shadow("har", 0.02, None, None, 0),)
    learners["har"].outcomes = 7
    due = NONE_DUE._replace(shadows={"har": ResolvedForecast(PREDICTION, 9e-4, 1e-4, 0.0)})
    assert make_shadows(learners, made, due, at(60)) == (Shadow("har", 0.02, outcome().qlike, outcome().covered, 7),)
