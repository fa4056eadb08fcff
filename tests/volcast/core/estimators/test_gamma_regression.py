"""Recursive gamma regression: its limit, its step by hand, and its bounds."""

from math import exp

import numpy as np
import pytest

from volcast.core.estimators.covariance import ForgettingCovariance
from volcast.core.estimators.gamma_regression import GammaRegression

NAMES = ["one", "a", "b"]
TRUE = np.array([0.3, -0.5, 0.2])


def rows(count: int, seed: int = 1) -> list[dict[str, float]]:
    return [{"one": 1.0, "a": float(a), "b": float(b)} for a, b in np.random.default_rng(seed).normal(size=(count, 2))]


def array(x: dict[str, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([x[name] for name in NAMES])


def test_it_estimates_the_mean_of_heavy_tailed_targets() -> None:
    rng = np.random.default_rng(2)
    model = GammaRegression(NAMES, half_life=1e6, ridge=10.0, max_error=50.0, scale=2.0)
    for x in rows(8_000):
        model.learn_one(x, 2.0 * exp(float(TRUE @ array(x))) * float(rng.gamma(0.8, 1 / 0.8)))
    np.testing.assert_allclose(model.coefficients, TRUE, atol=0.06)
    assert model.predict_one({"one": 1.0}) == pytest.approx(2.0 * exp(0.3), rel=0.06)


def test_a_step_is_the_natural_gradient_of_qlike() -> None:
    model = GammaRegression(NAMES, half_life=50.0, ridge=30.0, scale=2.0, prior={"a": 0.5})
    covariance, w, prior_mean = ForgettingCovariance(3, 50.0, 30.0), np.array([0.0, 0.5, 0.0]), np.array([0.0, 0.5, 0.0])
    for i, x in enumerate(rows(200)):
        y = 2.0 * (i % 4) ** 3
        forecast = 2.0 * exp(float(w @ array(x)))
        assert model.predict_one(x) == pytest.approx(forecast)
        model.learn_one(x, y)
        w = w + covariance.learn(array(x)) * min(y / forecast - 1, 6.0)
        at, gain = covariance.restore()
        w = w + gain * (prior_mean[at] - w[at])
        np.testing.assert_allclose(model.coefficients, w, rtol=1e-9, atol=1e-12)


def test_a_forecast_is_positive_and_within_its_bounds_for_any_target() -> None:
    model = GammaRegression(NAMES, max_log_ratio=3.0, scale=2.0, ridge=0.1)
    for number, x in enumerate(rows(500)):
        model.learn_one({name: 100.0 * value for name, value in x.items()}, (0.0, 1e300, -5.0, 1e-300)[number % 4])
        assert 2.0 * exp(-3.0) <= model.predict_one(x) <= 2.0 * exp(3.0)
    assert model.log_ratio(np.array([1e9, 1e9, 1e9])) in (-3.0, 3.0)


def test_a_target_below_zero_counts_as_zero() -> None:
    negative, zero = GammaRegression(NAMES), GammaRegression(NAMES)
    negative.learn_one(rows(1)[0], -3.0)
    zero.learn_one(rows(1)[0], 0.0)
    assert negative.dump() == zero.dump()


def test_an_absurd_label_moves_no_coefficient_far() -> None:
    model = GammaRegression(NAMES, max_error=2.0)
    for x in rows(500):
        model.learn_one(x, 1.0)
    before = model.coefficients.copy()
    model.learn_one(rows(1)[0], 1e12)
    assert 0.0 < np.abs(model.coefficients - before).max() < 0.05


def test_two_hourly_years_with_a_silent_and_a_constant_feature() -> None:
    model = GammaRegression(["one", "phase", "silent"], half_life=90 * 24.0, ridge=20.0)
    targets = np.random.default_rng(2).gamma(0.8, 1 / 0.8, 2 * 365 * 24).tolist()
    for hour, y in enumerate(targets):
        model.learn_array(np.array([1.0, 0.8, float(hour < 100)]), 1.5 * y)
    assert model.predict_one({"one": 1.0, "phase": 0.8}) == pytest.approx(1.5, rel=0.15)
    assert np.abs(model.coefficients).max() < 1.0
