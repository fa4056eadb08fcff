"""Recursive least squares against the batch ridge regression, over two years, and with absurd labels."""

import numpy as np
import pytest

from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares

NAMES = ["one", "a", "b"]
TRUE = np.array([0.3, -0.5, 0.2])


def rows(count: int, seed: int = 1) -> list[dict[str, float]]:
    return [{"one": 1.0, "a": float(a), "b": float(b)} for a, b in np.random.default_rng(seed).normal(size=(count, 2))]


def array(x: dict[str, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([x[name] for name in NAMES])


def test_it_equals_the_batch_ridge_regression() -> None:
    half_life, ridge = 50.0, 3.0
    decay = 0.5 ** (1 / half_life)
    model = RecursiveLeastSquares(NAMES, half_life=half_life, ridge=ridge, prior={"a": 1.0})
    prior = np.array([0.0, 1.0, 0.0])
    information = np.diag(ridge * decay ** -np.arange(1.0, 4.0))
    moment = information @ prior
    for update, x in enumerate(rows(300)):
        y = float(TRUE @ array(x)) + 0.1 * (update % 3)
        model.learn_one(x, y)
        information, moment = decay * information + np.outer(array(x), array(x)), decay * moment + array(x) * y
        restored = ridge * (decay**-3 - 1)
        information[update % 3, update % 3] += restored
        moment[update % 3] += restored * prior[update % 3]
        np.testing.assert_allclose(model.coefficients, np.linalg.solve(information, moment), rtol=1e-7, atol=1e-9)
        assert model.predict_one(x) == pytest.approx(float(model.coefficients @ array(x)))


def test_two_hourly_years_with_a_constant_feature_leave_the_others_right() -> None:
    """The phase of the hour is then a second intercept: the two share it, and neither diverges."""
    names = ["one", "phase", "a", "silent"]
    model = RecursiveLeastSquares(names, half_life=30 * 24.0, ridge=20.0)
    rng = np.random.default_rng(2)
    values, noise = rng.normal(size=(2, 2 * 365 * 24))
    for hour, (a, u) in enumerate(zip(values.tolist(), noise.tolist(), strict=True)):
        model.learn_array(np.array([1.0, 0.8, a, float(hour < 100)]), 2.0 - 0.5 * a + 0.1 * u)
    one, phase, slope, silent = model.coefficients.tolist()
    assert (one + 0.8 * phase, slope, silent) == pytest.approx((2.0, -0.5, 0.0), abs=0.05)
    assert max(abs(one), abs(phase)) < 3.0


def test_a_coefficient_that_is_not_excited_returns_to_its_prior() -> None:
    model = RecursiveLeastSquares(["a", "b"], half_life=50.0, ridge=5.0, prior={"b": 1.0})
    for _ in range(300):
        model.learn_one({"a": 0.0, "b": 1.0}, 4.0)
    assert model.coefficients[1] > 3.0
    for _ in range(2_000):
        model.learn_one({"a": 1.0, "b": 0.0}, 7.0)
    assert model.coefficients.tolist() == pytest.approx([7.0, 1.0], rel=0.1)


def test_errors_are_clipped() -> None:
    clipped, plain = RecursiveLeastSquares(NAMES, max_error=2.0), RecursiveLeastSquares(NAMES)
    for sign in (1.0, -1.0):
        clipped.learn_one(rows(1)[0], sign * 1e12)
        plain.learn_one(rows(1)[0], plain.predict_one(rows(1)[0]) + sign * 2.0)
        np.testing.assert_allclose(clipped.coefficients, plain.coefficients, rtol=1e-9, atol=1e-12)


def test_old_samples_fade() -> None:
    model = RecursiveLeastSquares(["one"], half_life=10.0, ridge=1e-6)
    for y in [0.0] * 200 + [8.0] * 10:
        model.learn_one({"one": 1.0}, y)
    assert model.predict_one({"one": 1.0}) == pytest.approx(4.0, rel=0.01)
