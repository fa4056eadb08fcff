"""CRPS, coverage and PIT of quantiles: by hand, by a library's published values, and for right and wrong forecasters."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.evaluation.distribution.quantile_scores import (
    bin_shares,
    pit_between_levels,
    pit_chi_square,
    quantile_crps,
    score_levels,
    shares_below,
    tail_crps,
)
from volcast.backtest.evaluation.predictive import pinball
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS

LEVELS = np.array(QUANTILE_LEVELS)
N = 6_000


def normal(scale: float = 1.0, shift: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes whose volatility changes, and the quantiles of someone who knows it, but for a factor and a shift."""
    volatility = np.exp(0.5 * np.sin(np.arange(N) / 100.0))
    y = volatility * np.random.default_rng(seed).standard_normal(N)
    return y, volatility[:, None] * (scale * ndtri(LEVELS) + shift)


def test_pinball_and_crps_of_evenly_spaced_levels_are_those_of_scoringrules() -> None:
    """Values of `quantile_score` and `crps_quantile` of scoringrules 0.10, which weighs all levels alike."""
    y, p = np.array([0.3, -1.2, 2.0]), np.array([0.1, 0.5, 0.9])
    losses = pinball(y[:, None], np.array([-1.0, 0.0, 1.0]), p)
    np.testing.assert_allclose(losses, [[0.13, 0.15, 0.07], [0.18, 0.6, 0.22], [0.3, 1.0, 0.9]])
    even = (np.arange(200) + 0.5) / 200
    quantiles = np.tile(np.linspace(-2.0, 2.0, 200), (3, 1))
    np.testing.assert_allclose(quantile_crps(y, quantiles, even.tolist()), [0.35741206, 0.69321608, 1.33], rtol=1e-7)


def test_crps_of_many_levels_is_that_of_the_normal_distribution() -> None:
    y, p = np.array([-2.0, 0.1, 1.3]), (np.arange(20_000) + 0.5) / 20_000
    density = np.exp(-0.5 * y**2) / np.sqrt(2.0 * np.pi)
    exact = y * (2.0 * ndtr(y) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi)
    np.testing.assert_allclose(quantile_crps(y, np.tile(ndtri(p), (3, 1)), p.tolist()), exact, atol=1e-4)


def test_the_weights_of_uneven_levels_by_hand() -> None:
    losses = pinball(np.array([[1.0]]), np.array([[0.0, 0.5, 2.0]]), np.array([0.1, 0.6, 0.9]))[0]
    found = quantile_crps(np.array([1.0]), np.array([[0.0, 0.5, 2.0]]), (0.1, 0.6, 0.9))
    assert found[0] == pytest.approx(2.0 * (0.35 * losses[0] + 0.4 * losses[1] + 0.25 * losses[2]))
    tails = tail_crps(np.array([1.0]), np.array([[0.0, 0.5, 2.0]]), (0.01, 0.6, 0.975))
    assert tails[0] == pytest.approx(2.0 * np.mean([0.01 * 1.0, (1.0 - 0.975) * 1.0]))
    assert np.isnan(tail_crps(np.ones(2), np.ones((2, 1)), (0.5,))).all()


@settings(max_examples=40)
@given(scale=st.floats(0.3, 3.0), shift=st.floats(-1.0, 1.0))
def test_nobody_beats_the_truth(scale: float, shift: float) -> None:
    """Both scores are proper: no other forecast has a lower mean, but for chance."""
    y, truth = normal()
    _, other = normal(scale, shift)
    for score in (quantile_crps, tail_crps):
        mine, others = score(y, truth, QUANTILE_LEVELS), score(y, other, QUANTILE_LEVELS)
        gap = mine - others
        assert gap.mean() <= 4.0 * gap.std() / np.sqrt(N)


def test_a_right_forecast_passes_at_every_level() -> None:
    y, quantiles = normal()
    found = score_levels(y, quantiles, QUANTILE_LEVELS)
    assert [each.level for each in found] == list(QUANTILE_LEVELS)
    for each in found:
        assert each.z is not None
        assert each.kupiec_p is not None
        assert each.christoffersen_p is not None
        assert abs(each.z) < 3.5
        assert each.kupiec_p > 1e-3
        assert each.christoffersen_p > 1e-3
    assert pit_chi_square(pit_between_levels(y, quantiles), QUANTILE_LEVELS) < 35.0


@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_a_scale_that_is_wrong_by_a_tenth_is_rejected_in_the_tails_and_not_at_the_median(scale: float) -> None:
    y, quantiles = normal(scale)
    found = {each.level: each for each in score_levels(y, quantiles, QUANTILE_LEVELS)}
    for level in (0.05, 0.95):
        z, p = found[level].z, found[level].kupiec_p
        assert z is not None
        assert p is not None
        assert p < 1e-3
        assert (z > 0.0) == ((scale < 1.0) == (level < 0.5)), "too narrow: too many outcomes beyond"
    assert found[0.5].kupiec_p is not None
    assert found[0.5].kupiec_p > 0.01
    assert pit_chi_square(pit_between_levels(y, quantiles), QUANTILE_LEVELS) > 60.0


def test_a_value_with_a_probability_of_its_own_is_the_quantile_of_several_levels() -> None:
    """Of a price that falls from the first moment the highest high is the close: 0 is its 1 % and its 2.5 % quantile."""
    y = np.abs(np.random.default_rng(2).standard_normal(N)) + 0.01
    y[::25] = 0.0
    found = score_levels(y, np.tile([0.0, 0.0, 0.05], (N, 1)), (0.01, 0.025, 0.1))
    assert [each.below for each in found[:2]] == [pytest.approx(0.02)] * 2
    assert [each.kupiec_p for each in found[:2]] == [pytest.approx(1.0, abs=1e-6)] * 2
    assert found[2].kupiec_p is not None
    assert found[2].kupiec_p < 1e-3


def test_misses_in_clusters_are_rejected_by_independence_alone() -> None:
    """The volatility changes, and the forecast is always its mean: right on average, wrong at any time."""
    y = normal()[0] * np.exp(0.5 * np.sin(np.arange(N) / 100.0))
    quantiles = np.tile(np.quantile(y, QUANTILE_LEVELS), (N, 1))
    found = score_levels(y, quantiles, QUANTILE_LEVELS)
    assert all(each.kupiec_p is not None and each.kupiec_p > 0.5 for each in found)
    assert all(each.christoffersen_p is not None and each.christoffersen_p < 1e-3 for each in (found[3], found[-4]))


@settings(max_examples=50)
@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), max_size=30))
def test_bins_and_shares_by_a_plain_loop(values: list[float]) -> None:
    y, row = np.array(values), [0.0, 1.0, 1.0]
    quantiles = np.tile(row, (len(values), 1))
    counts = pit_between_levels(y, quantiles)
    below = [0.0, *(sum((each < q) + 0.5 * (each == q) for each in values) for q in row), len(values)]
    assert counts == pytest.approx([after - before for before, after in pairwise(below)])
    assert sum(counts) == len(values)
    if values:
        plain = [np.mean([(each < q) + 0.5 * (each == q) for each in values]) for q in row]
        np.testing.assert_allclose(shares_below(y, quantiles), plain)
    else:
        assert np.isnan(shares_below(y, quantiles)).all()
        assert np.isnan(pit_chi_square(counts, (0.1, 0.5, 0.9)))


def test_nominal_shares_sum_to_one() -> None:
    assert bin_shares(QUANTILE_LEVELS).sum() == pytest.approx(1.0)
    assert bin_shares(QUANTILE_LEVELS).size == 14


def test_without_outcomes_nothing_is_known() -> None:
    (found,) = score_levels(np.zeros(0), np.zeros((0, 1)), (0.5,))
    assert (found.below, found.z, found.kupiec_p, found.christoffersen_p, found.pinball) == (None,) * 5
