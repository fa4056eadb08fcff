"""A distribution from quantiles: its laws, and its agreement with distributions that are known."""

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.forecast.distribution.continuous import (
    HIGH_TAILS,
    LOW_TAILS,
    RETURN_TAILS,
    VOLATILITY_TAILS,
    ContinuousDistribution,
    Tails,
)
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS

ALL_TAILS = (RETURN_TAILS, HIGH_TAILS, LOW_TAILS, VOLATILITY_TAILS)
tails = st.sampled_from(ALL_TAILS)
steps = st.lists(st.floats(1e-6, 0.02), min_size=12, max_size=12)
inner = st.floats(1e-4, 1.0 - 1e-4)


@st.composite
def distributions(draw: st.DrawFn) -> ContinuousDistribution:
    start = draw(st.floats(-0.05, 0.01))
    return ContinuousDistribution(QUANTILE_LEVELS, start + np.cumsum([0.0, *draw(steps)]), draw(tails))


@given(distributions(), inner, inner)
def test_the_quantile_function_ascends(law: ContinuousDistribution, p: float, q: float) -> None:
    low, high = sorted((p, q))
    assert law.quantile(low) <= law.quantile(high)
    assert law.cdf(law.quantile(low)) <= law.cdf(law.quantile(high))


@given(distributions(), inner)
def test_the_cdf_is_the_inverse(law: ContinuousDistribution, p: float) -> None:
    assert float(law.cdf(law.quantile(p))) == pytest.approx(p, abs=1e-5)


@given(distributions())
def test_it_passes_through_the_quantiles(law: ContinuousDistribution) -> None:
    np.testing.assert_allclose(law.quantile(np.array(QUANTILE_LEVELS)), law.log_quantiles, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(law.cdf(law.log_quantiles), QUANTILE_LEVELS, atol=1e-5)  # the curve may be flat at a level


@given(distributions(), inner)
def test_means_of_both_parts_add_up_to_the_mean(law: ContinuousDistribution, p: float) -> None:
    assert p * law.mean_below(p) + (1 - p) * law.mean_above(p) == pytest.approx(law.mean(), rel=1e-9)
    assert law.mean_below(p) <= exp(law.quantile(p)) * (1 + 1e-9)
    assert law.mean_above(p) >= exp(law.quantile(p)) * (1 - 1e-9)


@pytest.mark.parametrize("shapes", ALL_TAILS)
@pytest.mark.parametrize("level", [0.002, 0.01, 0.3, 0.995, 0.998])
def test_means_are_those_of_a_fine_sum(shapes: Tails, level: float) -> None:
    law = ContinuousDistribution(QUANTILE_LEVELS, 0.01 * t.ppf(QUANTILE_LEVELS, 4), shapes)
    p = (np.arange(400_000) + 0.5) / 400_000
    assert law.mean_below(level) == pytest.approx(np.exp(law.quantile(p * level)).mean(), rel=1e-6)
    assert law.mean_above(level) == pytest.approx(np.exp(law.quantile(1 - p * (1 - level))).mean(), rel=1e-6)


def test_a_normal_distribution_is_exact_between_the_levels_and_near_beyond() -> None:
    law = ContinuousDistribution(QUANTILE_LEVELS, 0.01 * norm.ppf(QUANTILE_LEVELS), Tails(0.0, 0.0))
    p = np.array([0.006, 0.03, 0.2, 0.4, 0.6, 0.97, 0.994])
    np.testing.assert_allclose(law.quantile(p), 0.01 * norm.ppf(p), rtol=1e-9)
    assert float(law.quantile(0.001)) == pytest.approx(0.01 * norm.ppf(0.001), rel=0.05)
    assert law.mean() == pytest.approx(exp(0.01**2 / 2), rel=1e-6)


@pytest.mark.parametrize("freedom", [3, 4, 6, 10])
def test_heavy_tails_are_near_beyond_the_levels(freedom: int) -> None:
    law = ContinuousDistribution(QUANTILE_LEVELS, 0.004 * t.ppf(QUANTILE_LEVELS, freedom), RETURN_TAILS)
    for level in (0.001, 0.999):
        assert float(law.quantile(level)) == pytest.approx(0.004 * t.ppf(level, freedom), rel=0.12)
    p = np.linspace(0.006, 0.994, 200)
    np.testing.assert_allclose(law.cdf(0.004 * t.ppf(p, freedom)), p, atol=0.004)


def test_what_lies_beyond_the_levels_is_called_extrapolated() -> None:
    law = ContinuousDistribution(QUANTILE_LEVELS, norm.ppf(QUANTILE_LEVELS), RETURN_TAILS)
    assert [law.is_extrapolated(p) for p in (0.004, 0.005, 0.5, 0.995, 0.996)] == [True, False, False, False, True]
    assert (law.min_level, law.max_level) == pytest.approx((0.001, 0.999))


def test_equal_quantiles_are_a_value_with_a_probability() -> None:
    law = ContinuousDistribution((0.1, 0.25, 0.5, 0.75, 0.9), (0.0, 0.0, 0.0, 0.01, 0.02), HIGH_TAILS)
    assert float(law.cdf(0.0)) == pytest.approx(0.5)
    assert float(law.cdf(-1e-9)) == 0.0
    constant = ContinuousDistribution((0.1, 0.5, 0.9), (0.0, 0.0, 0.0), RETURN_TAILS)
    assert (float(constant.cdf(-1e-9)), float(constant.cdf(1e-9))) == (0.0, 1.0)
    assert constant.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("levels", "quantiles", "message"),
    [
        ((0.1, 0.9), (0.0, 1.0), "at least 3 levels"),
        ((0.1, 0.5, 0.9), (0.0, 1.0), "a quantile for each"),
        ((0.0, 0.5, 0.9), (0.0, 1.0, 2.0), "must ascend between 0 and 1"),
        ((0.1, 0.5, 0.5), (0.0, 1.0, 2.0), "must ascend between 0 and 1"),
        ((0.1, 0.5, 0.9), (0.0, 2.0, 1.0), "must not cross"),
        ((0.1, 0.5, 0.9), (0.0, 2.0, float("nan")), "must be finite"),
        ((0.1, 0.5, 0.9), (-float("inf"), 0.0, 1.0), "must be finite"),
    ],
)
def test_what_is_no_distribution_is_refused(levels: tuple[float, ...], quantiles: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ContinuousDistribution(levels, quantiles, RETURN_TAILS)
