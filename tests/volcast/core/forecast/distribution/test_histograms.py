"""Forgetting histograms: quantiles of known distributions, forgetting, absurd values, a start, and the state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.core.forecast.distribution.histograms import (
    EDGES,
    HISTOGRAM_BINS,
    SHAPE_LEVELS,
    ForgettingHistograms,
    exponential_quantile,
    laplace_quantile,
)

LAPLACE = [laplace_quantile(level) for level in SHAPE_LEVELS]
LEVELS = np.array([[0.005, 0.025, 0.25, 0.5, 0.75, 0.975, 0.995]])


def histogram(start_weight: float = 1.0, half_life: float = 1e9) -> ForgettingHistograms:
    return ForgettingHistograms([LAPLACE], start_weight, half_life)


def test_the_grid_has_zero_as_an_edge_and_is_symmetric() -> None:
    assert EDGES[HISTOGRAM_BINS // 2] == 0.0
    np.testing.assert_array_equal(EDGES, -EDGES[::-1])
    assert (np.diff(EDGES) > 0).all()


def test_it_starts_with_the_quantiles_it_is_given() -> None:
    found = histogram().quantiles(np.array([SHAPE_LEVELS]))[0]
    np.testing.assert_allclose(found, LAPLACE, atol=0.15)
    assert histogram().quantiles(np.array([[1e-5]]))[0, 0] < LAPLACE[0] - 2


def test_quantiles_tend_to_those_of_the_stream() -> None:
    values = np.random.default_rng(1).laplace(size=60_000)
    found = histogram()
    for z in values.tolist():
        found.push((2.0 + 0.5 * z,))
    np.testing.assert_allclose(found.quantiles(LEVELS)[0], 2.0 + 0.5 * np.quantile(values, LEVELS[0]), atol=0.12)


def test_half_of_the_weight_lies_within_a_half_life() -> None:
    found = histogram(start_weight=1e-9, half_life=1_000.0)
    for z in [1.0] * 20_000 + [-1.0] * 1_000:
        found.push((z,))
    counts = np.array(found.counts[0])
    below = counts[EDGES[1:] <= 0].sum() / counts.sum()
    assert below == pytest.approx(0.5, abs=1e-3)


def test_an_absurd_value_counts_as_one_of_the_outermost_bins() -> None:
    found = histogram()
    for z in (1e300, -1e300):
        found.push((z,))
    assert (found.counts[0][0], found.counts[0][-1]) == pytest.approx((1.0, 1.0), abs=1e-3)
    assert np.isfinite(found.quantiles(LEVELS)).all()


def test_a_value_counts_in_the_bin_that_ends_with_it() -> None:
    """So many zeros, which prices in ticks have, lie at 0 and below, not above it."""
    found = histogram(start_weight=1e-9)
    found.push((0.0,))
    assert found.quantiles(np.array([[0.999]]))[0, 0] <= 0.0


@given(st.lists(st.floats(-1e6, 1e6), max_size=60), st.lists(st.floats(0.001, 0.999), min_size=1, unique=True).map(sorted))
def test_quantiles_never_cross(values: list[float], levels: list[float]) -> None:
    found = histogram(half_life=5.0)
    for z in values:
        found.push((z,))
    assert (np.diff(found.quantiles(np.array([levels]))[0]) >= 0).all()


def test_the_weight_stays_bounded_and_the_state_is_restored_to_the_bit() -> None:
    found = histogram(half_life=3.0)
    for z in np.random.default_rng(2).normal(size=500).tolist():
        found.push((z,))
    assert max(found.counts[0]) < 1e7
    again = histogram(half_life=3.0)
    again.load(found.dump())
    for one in (found, again):
        one.push((0.7,))
    assert again.dump() == found.dump()


def test_a_start_with_too_few_quantiles_and_a_state_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="29 quantiles, found 2"):
        ForgettingHistograms([[0.0, 1.0]], 1.0, 10.0)
    with pytest.raises(ValueError, match="reshape"):
        histogram().load({"counts": bytes(8), "weight": 1.0})


def test_start_shapes_have_unit_size() -> None:
    assert laplace_quantile(0.05) == pytest.approx(-laplace_quantile(0.95))
    grid = (np.arange(100_000) + 0.5) / 100_000
    assert np.mean([exponential_quantile(p) for p in grid]) == pytest.approx(1.0, abs=1e-3)
    assert np.mean([abs(laplace_quantile(p)) for p in grid]) == pytest.approx(1.0, abs=1e-3)
