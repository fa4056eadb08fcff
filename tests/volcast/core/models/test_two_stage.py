"""The champion's regressions: what each learns and estimates, and how they start from a prior."""

from math import exp, log

import numpy as np
import pytest

from tests.minutes import minutes
from volcast.core.arrays import Floats
from volcast.core.estimators.gamma_regression import GammaRegression
from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares
from volcast.core.market.features import PRIOR_VARIANCE
from volcast.core.market.state import Market
from volcast.core.models.contract import Learned
from volcast.core.models.design import DESIGN_NAMES, SMALL, SMALL_NAMES
from volcast.core.models.two_stage import TwoStage

LEVEL = DESIGN_NAMES.index("level")


def rows(count: int, seed: int = 1) -> list[Floats]:
    made = np.random.default_rng(seed).normal(0.0, 0.5, (count, len(DESIGN_NAMES)))
    made[:, 0] = 1.0
    return list(made)


def trained(count: int = 60, horizon: int = 60) -> TwoStage:
    model = TwoStage(horizon)
    for number, row in enumerate(rows(count)):
        model.learn(row, model.estimate(row), -5.0 + 0.1 * (number % 5), 0.003)
        model.learn_profile(28_401_120 + number * 7, 0.4)
    return model


@pytest.mark.parametrize("horizon", [15, 60, 1_440])
def test_a_new_model_forecasts_that_the_level_persists(horizon: int) -> None:
    market, model = Market(), TwoStage(horizon)
    for row in minutes(300):
        market.push(*row)
    estimate = model.estimate(model.row(market))
    assert estimate.log_median == pytest.approx(market.state.level + 0.5 * log(horizon))
    assert (estimate.log_excess, estimate.scale, estimate.spread) == pytest.approx((0.25, 0.27, 0.75))


def test_each_regression_learns_from_the_estimate_as_it_was_made() -> None:
    model = TwoStage(60)
    center = RecursiveLeastSquares(DESIGN_NAMES, half_life=120 * 144.0, ridge=20.0, max_error=2.0)
    mean, scale, spread = (
        GammaRegression(SMALL_NAMES, half_life=180 * 144.0, ridge=100.0, max_log_ratio=largest) for largest in (3.0, 2.0, 2.0)
    )
    offset = 0.5 * log(60 * PRIOR_VARIANCE)
    for number, row in enumerate(rows(120)):
        z, log_volatility, log_return = row[list(SMALL)], -5.0 + 0.2 * (number % 7), 0.004 * (number % 5 - 2)
        estimate = model.estimate(row)
        assert estimate.log_median == pytest.approx(row[LEVEL] + offset + center.predict_array(row))
        assert estimate.log_excess == pytest.approx(0.25 + mean.log_ratio(z))
        assert estimate.scale == pytest.approx(0.27 * exp(scale.log_ratio(z)))
        assert estimate.spread == pytest.approx(0.75 * exp(spread.log_ratio(z)))
        earlier = estimate._replace(log_median=estimate.log_median - 0.1)
        model.learn(row, earlier, log_volatility, log_return)
        error = log_volatility - earlier.log_median
        center.learn_array(row, log_volatility - row[LEVEL] - offset)
        mean.learn_array(z, exp(2 * error - 0.25))
        scale.learn_array(z, abs(error) / 0.27)
        spread.learn_array(z, abs(log_return) / exp(earlier.log_median) / 0.75)
    for regression, plain in ((model.center, center), (model.mean, mean), (model.scale, scale), (model.spread, spread)):
        np.testing.assert_allclose(regression.coefficients, plain.coefficients, rtol=1e-9, atol=1e-12)


def test_another_model_starts_from_its_coefficients_and_profiles() -> None:
    teacher = trained()
    coefficients, profiles = teacher.learned()
    assert set(coefficients) == {"center", "mean", "scale", "spread"}
    assert list(coefficients["center"]) == list(DESIGN_NAMES)
    pupil = TwoStage(60, Learned(coefficients, profiles, 1.0, {}))
    assert pupil.learned() == teacher.learned()
    for row in rows(20, seed=2):
        assert pupil.estimate(row) == teacher.estimate(row)


def test_a_model_with_a_prior_moves_less_than_one_without() -> None:
    coefficients, profiles = trained().learned()
    pupil, blank = TwoStage(60, Learned(coefficients, profiles, 1.0, {})), TwoStage(60)
    row = rows(1, seed=3)[0]
    for model in (pupil, blank):
        before = model.estimate(row)
        model.learn(row, before, before.log_median + 1.0, 0.0)
        moved = model.estimate(row).log_median - before.log_median
        assert 0.0 < moved < 1.0
    start = np.array(list(coefficients["center"].values()))
    assert np.abs(pupil.center.coefficients - start).max() < np.abs(blank.center.coefficients).max()


def test_a_prior_may_lack_regressions_and_features_and_have_unknown_ones() -> None:
    _, profiles = trained().learned()
    learned = Learned({"center": {"level": 0.25, "unknown": 9.0}, "unknown": {"level": 1.0}}, profiles, 1.0, {})
    coefficients, _ = TwoStage(60, learned).learned()
    assert coefficients["center"] == {name: 0.25 * (name == "level") for name in DESIGN_NAMES}
    assert coefficients["mean"] == dict.fromkeys(SMALL_NAMES, 0.0)


def test_profiles_of_another_shape_are_refused() -> None:
    coefficients, profiles = trained().learned()
    with pytest.raises(ValueError, match="bins"):
        TwoStage(60, Learned(coefficients, {**profiles, "week": [0.0]}, 1.0, {}))
    with pytest.raises(KeyError):
        TwoStage(60, Learned(coefficients, {}, 1.0, {}))


def test_horizons_have_half_lives_in_days() -> None:
    """Samples of a longer horizon are rarer, so its half-life is a smaller number of samples."""
    hour, day = TwoStage(60), TwoStage(1_440)
    assert hour.center.half_life / day.center.half_life == pytest.approx(241 / 10)
