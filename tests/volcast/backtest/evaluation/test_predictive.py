"""PIT, CRPS and pinball loss agree with numerical integration, and are best, or uniform, for the true distribution."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad  # type: ignore[import-untyped]  # SciPy ships no types
from scipy.stats import norm  # type: ignore[import-untyped]  # as above

from volcast.backtest.evaluation.predictive import (
    PIT_BINS,
    LogVolatilityForecasts,
    crps,
    distance_from_uniform,
    pinball,
    pit,
    pit_counts,
)
from volcast.core.arrays import Floats

widths = st.floats(0.05, 3.0)


def one(median: float, below: float, above: float, level: float) -> LogVolatilityForecasts:
    return LogVolatilityForecasts(np.array([median]), np.array([median - below]), np.array([median + above]), level)


def distribution(x: float, median: float, below: float, above: float, level: float) -> float:
    """Independent of the code under test: by SciPy's own normal distributions."""
    z = norm.ppf((1.0 + level) / 2.0)
    return float(norm.cdf(x, median, (below if x < median else above) / z))


@given(st.floats(-3.0, 3.0), st.floats(-2.0, 2.0), widths, widths, st.sampled_from([0.5, 0.8, 0.9, 0.99]))
def test_crps_and_pit_agree_with_numerical_integration(y: float, median: float, below: float, above: float, level: float) -> None:
    def squared(x: float) -> float:
        return (distribution(x, median, below, above, level) - (x >= y)) ** 2

    cuts = sorted({median - 40.0 * below, min(y, median), median, y, max(y, median), median + 40.0 * above, y - 1.0, y + 1.0})
    expected = sum(quad(squared, a, b, limit=200)[0] for a, b in pairwise(cuts))
    forecast = one(median, below, above, level)
    assert crps(np.array([y]), forecast)[0] == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert pit(np.array([y]), forecast)[0] == pytest.approx(distribution(y, median, below, above, level), abs=1e-12)


@given(widths, widths)
def test_the_three_quantiles_are_those_of_the_forecast(below: float, above: float) -> None:
    forecast = one(0.3, below, above, 0.9)
    found = [pit(quantile, forecast)[0] for quantile in (forecast.lower, forecast.median, forecast.upper)]
    assert found == pytest.approx([0.05, 0.5, 0.95])


def test_pinball_losses_integrate_to_half_the_crps() -> None:
    """CRPS = 2 ∫ pinball loss of the quantile p dp: a law that connects both scores (Gneiting & Ranjan, 2011)."""
    forecast = one(0.2, 0.7, 1.1, 0.9)
    z = norm.ppf(0.95)
    y = np.array([0.9])

    def loss(p: float) -> float:
        quantile = 0.2 + norm.ppf(p) * (0.7 if p < 0.5 else 1.1) / z
        return float(pinball(y, np.array([quantile]), p)[0])

    whole = quad(loss, 0.0, 0.5, limit=400)[0] + quad(loss, 0.5, 1.0, limit=400)[0]
    assert crps(y, forecast)[0] == pytest.approx(2.0 * whole, rel=1e-5)


def drawn(n: int, seed: int = 1) -> tuple[Floats, LogVolatilityForecasts]:
    """Return outcomes of the very distributions that are forecast."""
    rng = np.random.default_rng(seed)
    median, below, above = rng.normal(0.0, 1.0, n), rng.uniform(0.3, 1.0, n), rng.uniform(0.3, 1.5, n)
    z = rng.standard_normal(n)
    y = median + z * np.where(z < 0.0, below, above) / norm.ppf(0.95)
    return y, LogVolatilityForecasts(median, median - below, median + above, 0.9)


def test_a_forecaster_that_knows_the_truth_has_a_uniform_pit() -> None:
    y, forecast = drawn(20_000)
    values = pit(y, forecast)
    assert distance_from_uniform(values) < 1.63 / np.sqrt(20_000)
    counts = pit_counts(values)
    assert sum(counts) == 20_000
    assert np.sum((np.array(counts) - 1_000) ** 2) / 1_000 < 43.8, (
        "χ² of 19 degrees of freedom exceeds it once in a thousand times"
    )


def test_the_truth_has_the_smallest_scores() -> None:
    y, forecast = drawn(20_000)
    best = crps(y, forecast).mean()
    for other in (
        forecast._replace(median=forecast.median + 0.1),
        forecast._replace(lower=2.0 * forecast.lower - forecast.median, upper=2.0 * forecast.upper - forecast.median),
        forecast._replace(lower=0.5 * (forecast.lower + forecast.median), upper=0.5 * (forecast.upper + forecast.median)),
    ):
        assert crps(y, other).mean() > best
    for probability, quantile in ((0.05, forecast.lower), (0.5, forecast.median), (0.95, forecast.upper)):
        own = pinball(y, quantile, probability).mean()
        assert own < pinball(y, quantile - 0.05, probability).mean()
        assert own < pinball(y, quantile + 0.05, probability).mean()


def test_an_interval_without_width_is_a_single_number() -> None:
    forecast = one(1.0, 0.0, 0.0, 0.9)
    assert crps(np.array([3.5]), forecast)[0] == pytest.approx(2.5)
    assert [pit(np.array([y]), forecast)[0] for y in (0.0, 1.0, 2.0)] == [0.0, 0.5, 1.0]


def test_no_outcomes_and_the_ends_of_the_histogram() -> None:
    assert np.isnan(distance_from_uniform(np.array([])))
    assert pit_counts(np.array([])) == [0] * PIT_BINS
    counts = pit_counts(np.array([0.0, 1.0]))
    assert (counts[0], counts[-1]) == (1, 1)


def test_the_distance_from_uniform_is_that_of_kolmogorov_and_smirnov() -> None:
    from scipy.stats import kstest  # noqa: PLC0415  # slow to import

    values = np.random.default_rng(3).beta(2.0, 1.5, 200)
    assert distance_from_uniform(values) == pytest.approx(kstest(values, "uniform").statistic)
