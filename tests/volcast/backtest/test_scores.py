"""Losses and tests agree with results by hand, with properties that hold for all numbers, and with plain loops."""

from math import exp, log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.backtest.scores import (
    diebold_mariano,
    finite_or_none,
    hac_z,
    mae,
    mean,
    mse,
    qlike_losses,
    r_squared,
    slope,
    two_sided_p,
)
from volcast.core.arrays import Floats

variances = st.floats(1e-12, 1.0)
losses = st.lists(st.floats(0.0, 100.0), min_size=30, max_size=60)


def test_qlike_by_hand() -> None:
    found = qlike_losses(np.array([4.0, 1.0, exp(2.0)]), np.array([2.0, 4.0, exp(1.0)]))
    assert found == pytest.approx([2.0 - log(2.0) - 1.0, 0.25 + log(4.0) - 1.0, exp(1.0) - 2.0])


@given(variances, variances)
def test_qlike_is_never_negative_and_zero_for_a_perfect_forecast(realized: float, forecast: float) -> None:
    pair = qlike_losses(np.array([realized, realized]), np.array([forecast, realized]))
    assert pair[0] >= 0.0
    assert pair[1] == 0.0


@given(variances, variances, st.floats(1e-3, 1e3))
def test_qlike_does_not_depend_on_the_unit(realized: float, forecast: float, unit: float) -> None:
    one, other = qlike_losses(np.array([realized, realized * unit]), np.array([forecast, forecast * unit]))
    assert other == pytest.approx(one, rel=1e-9, abs=1e-12)


def test_an_absurd_forecast_causes_no_warning() -> None:
    assert finite_or_none(mean(qlike_losses(np.array([1.0]), np.array([1e-310])))) is None


def test_errors_and_r_squared_by_hand() -> None:
    y, forecast = np.array([1.0, 2.0, 3.0, 6.0]), np.array([2.0, 2.0, 2.0, 8.0])
    assert mse(y, forecast) == 6.0 / 4.0
    assert mae(y, forecast) == 1.0
    assert r_squared(y, forecast) == pytest.approx(1.0 - 1.5 / 3.5)
    assert r_squared(y, y) == 1.0
    assert r_squared(y, np.full(4, 3.0)) == 0.0


@pytest.mark.parametrize("y", [[], [2.0], [0.1, 0.1, 0.1]])
def test_r_squared_of_a_constant_is_nan(y: list[float]) -> None:
    assert np.isnan(r_squared(np.array(y), np.array(y)))


def test_scores_that_are_not_finite_are_none() -> None:
    assert [finite_or_none(score) for score in (0.5, nan, float("inf"))] == [0.5, None, None]
    assert finite_or_none(mean(np.array([]))) is None


def test_diebold_mariano_by_hand() -> None:
    """d = 1, 2, 6: mean 3, errors -2, -1, 3; γ₀ = 14/3, γ₁ = (2 - 3)/3 = -1/3; s = 14/3 - 2 · 1/2 · 1/3 = 13/3."""
    found = diebold_mariano(np.array([2.0, 4.0, 9.0]), np.array([1.0, 2.0, 3.0]), lags=1)
    assert found == pytest.approx(3.0 / sqrt(13.0 / 3.0 / 3.0))


def plain_diebold_mariano(d: list[float], lags: int) -> float:
    n = len(d)
    centre = sum(d) / n
    long_run = sum((value - centre) ** 2 for value in d) / n
    for lag in range(1, lags + 1):
        gamma = sum((d[i] - centre) * (d[i - lag] - centre) for i in range(lag, n)) / n
        long_run += 2.0 * (1.0 - lag / (lags + 1)) * gamma
    return centre / sqrt(long_run / n)


def test_diebold_mariano_agrees_with_plain_loops() -> None:
    rng = np.random.default_rng(5)
    one = np.convolve(rng.exponential(1.0, 500), np.ones(5) / 5.0, "valid")
    other = 1.1 * rng.exponential(1.0, one.size)
    assert diebold_mariano(one, other) == pytest.approx(plain_diebold_mariano((one - other).tolist(), 24))


@given(losses, st.randoms(use_true_random=False))
def test_diebold_mariano_is_antisymmetric(values: list[float], random: object) -> None:
    one = np.array(values)
    other = one[::-1].copy()
    other[0] += 1.0
    there, back = diebold_mariano(one, other), diebold_mariano(other, one)
    assert np.isnan(there) == np.isnan(back)
    assert np.isnan(there) or there == pytest.approx(-back)


@given(losses, st.floats(-10.0, 10.0))
def test_a_constant_difference_has_no_statistic(values: list[float], difference: float) -> None:
    """Rounding leaves a variance of about zero, which counts as none."""
    one = np.array(values)
    assert np.isnan(diebold_mariano(one, one))
    assert np.isnan(diebold_mariano(np.full(one.size, difference), np.zeros(one.size)))


@pytest.mark.parametrize("count", [0, 1, 24])
def test_too_few_outcomes_have_no_statistic(count: int) -> None:
    one: Floats = np.arange(count, dtype=np.float64)
    assert np.isnan(diebold_mariano(one, np.zeros(count)))


def test_the_slope_is_that_of_a_regression() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(500)
    y = 3.0 + 0.7 * x + rng.standard_normal(500)
    assert slope(y, x) == pytest.approx(np.polyfit(x, y, 1)[0])
    assert np.isnan(slope(y, np.full(500, 0.1)))
    assert np.isnan(slope(np.array([]), np.array([])))


def test_p_values_of_a_normal_distribution() -> None:
    assert [two_sided_p(z) for z in (0.0, 1.959964, -1.959964)] == pytest.approx([1.0, 0.05, 0.05], abs=1e-6)
    assert np.isnan(two_sided_p(nan))


def test_hac_z_is_normal_for_correlated_values_without_a_mean() -> None:
    """Moving averages of 8 values: the naive z has a standard deviation of √8."""
    rng = np.random.default_rng(5)
    found = [hac_z(np.convolve(rng.standard_normal(3_000), np.ones(8) / 8.0, "valid")) for _ in range(200)]
    assert np.std(found) == pytest.approx(1.0, abs=0.2)
    assert np.mean(np.abs(found) > 1.96) < 0.12
