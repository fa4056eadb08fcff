"""From numbers to fields, by hand."""

from math import exp, log, sqrt

import pytest

from tests.market import at
from tests.minutes import minutes
from volcast.core import outcomes as answers
from volcast.core.forecast.learner import Learner, Prediction, ResolvedForecast
from volcast.core.market.state import Market
from volcast.core.models import MODELS
from volcast.core.types import Outcome, Shadow

MADE = Prediction(4e-4, 0.018, 0.01, 0.03, -0.02, 0.025)


def outcome(realized_variance: float = 1e-4, log_return: float = 0.0) -> Outcome:
    came = answers.outcome(ResolvedForecast(MADE, 9e-4, realized_variance, log_return), at(60), 60)
    assert came is not None
    return came


def test_an_outcome_tells_of_the_forecast_a_horizon_ago() -> None:
    came = outcome()
    assert came.open_time_ms == at(0)
    assert (came.realized_volatility, came.volatility, came.volatility_ewma) == pytest.approx((0.01, 0.02, 0.03))
    assert came.qlike == pytest.approx(0.25 - log(0.25) - 1)
    assert came.qlike_ewma == pytest.approx(1 / 9 - log(1 / 9) - 1)
    day = answers.outcome(ResolvedForecast(MADE, 9e-4, 1e-4, 0.0), at(1_440), 1_440)
    assert day is not None
    assert day.open_time_ms == at(0)


def test_nothing_fell_due() -> None:
    assert answers.outcome(None, at(60), 60) is None


@pytest.mark.parametrize(
    ("volatility", "covered"), [(0.0099, False), (0.0101, True), (0.0299, True), (0.0301, False), (0.0, False)]
)
def test_covered_is_within_the_interval(volatility: float, covered: bool) -> None:  # noqa: FBT001  # both
    assert outcome(realized_variance=volatility**2).covered is covered


@pytest.mark.parametrize(("move", "covered"), [(-0.021, False), (-0.02, True), (0.025, True), (0.026, False)])
def test_a_price_is_covered_within_its_bounds(move: float, covered: bool) -> None:  # noqa: FBT001  # both
    assert outcome(log_return=move).price_covered is covered


@pytest.mark.parametrize(("horizon", "times"), [(60, 8_760), (15, 35_040), (1_440, 365)])
def test_a_year_has_so_many_horizons(horizon: int, times: int) -> None:
    assert answers.annualized(0.01, horizon) == pytest.approx(0.01 * sqrt(times))


def test_a_further_horizon_has_the_fields_of_the_first() -> None:
    learner, market = Learner(MODELS["ewma"](240, None), 240), Market()
    predictions = []
    for row in minutes(400):
        market.push(*row)
        learner.answer(market)
        predictions.append(learner.predict(market))
    made = predictions[-1]
    one = answers.other_horizon(learner, made, 50.0, None)
    assert (one.horizon_minutes, one.outcomes, one.outcome) == (240, 160, None)
    assert (one.volatility, one.volatility_median) == (sqrt(made.variance), made.median)
    assert (one.volatility_lower, one.volatility_upper) == (made.lower, made.upper)
    assert one.volatility_annualized == pytest.approx(one.volatility * sqrt(2_190))
    assert (one.price_lower, one.price_upper) == (50.0 * exp(made.return_lower), 50.0 * exp(made.return_upper))


def test_a_shadow_has_a_loss_once_it_has_an_outcome() -> None:
    assert answers.shadow("har", MADE, None) == Shadow("har", 0.02, None, None)
    came = outcome()
    assert answers.shadow("har", MADE, came) == Shadow("har", 0.02, came.qlike, came.covered)
