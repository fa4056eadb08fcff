"""The champion's parts: what each is told, what each says, and what they start from."""

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


def taught(count: int = 60, horizon: int = 60) -> TwoStage:
    model = TwoStage(horizon)
    for number, row in enumerate(rows(count)):
        model.learn(row, model.estimate(row), -5.0 + 0.1 * (number % 5), 0.003)
        model.notice(28_401_120 + number * 7, 0.4)
    return model


@pytest.mark.parametrize("horizon", [15, 60, 1_440])
def test_a_new_one_says_that_the_level_goes_on(horizon: int) -> None:
    market, model = Market(), TwoStage(horizon)
    for row in minutes(300):
        market.push(*row)
    estimate = model.estimate(model.row(market))
    assert estimate.log_median == pytest.approx(market.state.level + 0.5 * log(horizon))
    assert (estimate.log_excess, estimate.scale, estimate.spread) == pytest.approx((0.25, 0.27, 0.75))


def test_each_part_learns_from_the_forecast_as_it_was_made() -> None:
    model = TwoStage(60)
    center = RecursiveLeastSquares(DESIGN_NAMES, half_life=120 * 144.0, ridge=20.0, max_error=2.0)
    mean, scale, spread = (
        GammaRegression(SMALL_NAMES, half_life=180 * 144.0, ridge=100.0, max_log_ratio=largest) for largest in (3.0, 2.0, 2.0)
    )
    offset = 0.5 * log(60 * PRIOR_VARIANCE)
    for number, row in enumerate(rows(120)):
        z, answer, log_return = row[list(SMALL)], -5.0 + 0.2 * (number % 7), 0.004 * (number % 5 - 2)
        made = model.estimate(row)
        assert made.log_median == pytest.approx(row[LEVEL] + offset + center.predict_array(row))
        assert made.log_excess == pytest.approx(0.25 + mean.log_ratio(z))
        assert made.scale == pytest.approx(0.27 * exp(scale.log_ratio(z)))
        assert made.spread == pytest.approx(0.75 * exp(spread.log_ratio(z)))
        then = made._replace(log_median=made.log_median - 0.1)
        model.learn(row, then, answer, log_return)
        error = answer - then.log_median
        center.learn_array(row, answer - row[LEVEL] - offset)
        mean.learn_array(z, exp(2 * error - 0.25))
        scale.learn_array(z, abs(error) / 0.27)
        spread.learn_array(z, abs(log_return) / exp(then.log_median) / 0.75)
    for ours, plain in ((model.center, center), (model.mean, mean), (model.scale, scale), (model.spread, spread)):
        np.testing.assert_allclose(ours.coefficients, plain.coefficients, rtol=1e-9, atol=1e-12)


def test_another_starts_from_its_coefficients_and_clocks() -> None:
    teacher = taught()
    coefficients, profiles = teacher.learned()
    assert set(coefficients) == {"center", "mean", "scale", "spread"}
    assert list(coefficients["center"]) == list(DESIGN_NAMES)
    pupil = TwoStage(60, Learned(coefficients, profiles, 1.0, {}))
    assert pupil.learned() == teacher.learned()
    for row in rows(20, seed=2):
        assert pupil.estimate(row) == teacher.estimate(row)


def test_a_prior_weighs_more_than_nothing_and_is_what_silence_returns_to() -> None:
    coefficients, profiles = taught().learned()
    pupil, blank = TwoStage(60, Learned(coefficients, profiles, 1.0, {})), TwoStage(60)
    row = rows(1, seed=3)[0]
    for model in (pupil, blank):
        made = model.estimate(row)
        model.learn(row, made, made.log_median + 1.0, 0.0)
        moved = model.estimate(row).log_median - made.log_median
        assert 0.0 < moved < 1.0
    before = np.array(list(coefficients["center"].values()))
    assert np.abs(pupil.center.coefficients - before).max() < np.abs(blank.center.coefficients).max()


def test_a_prior_may_lack_parts_and_names_and_have_others() -> None:
    _, profiles = taught().learned()
    learned = Learned({"center": {"level": 0.25, "gone": 9.0}, "moon": {"phase": 1.0}}, profiles, 1.0, {})
    coefficients, _ = TwoStage(60, learned).learned()
    assert coefficients["center"] == {name: 0.25 * (name == "level") for name in DESIGN_NAMES}
    assert coefficients["mean"] == dict.fromkeys(SMALL_NAMES, 0.0)


def test_profiles_of_another_shape_are_refused() -> None:
    coefficients, profiles = taught().learned()
    with pytest.raises(ValueError, match="bins"):
        TwoStage(60, Learned(coefficients, {**profiles, "week": [0.0]}, 1.0, {}))
    with pytest.raises(KeyError):
        TwoStage(60, Learned(coefficients, {}, 1.0, {}))


def test_horizons_have_half_lives_in_days() -> None:
    """A sample of a longer horizon weighs as many days more."""
    hour, day = TwoStage(60), TwoStage(1_440)
    assert hour.center.half_life / day.center.half_life == pytest.approx(241 / 10)
