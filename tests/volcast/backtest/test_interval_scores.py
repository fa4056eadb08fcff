"""Interval scores agree with results by hand, with known properties, and with plain loops."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.interval_scores import christoffersen, covered, kupiec, winkler, worst_block_coverage, worst_run_coverage

flags = st.lists(st.booleans(), min_size=2, max_size=200)


def test_bounds_belong_to_the_interval() -> None:
    y = np.array([1.0, 2.0, 3.0, 0.9, 3.1])
    assert covered(y, np.full(5, 1.0), np.full(5, 3.0)).tolist() == [True, True, True, False, False]


def test_winkler_by_hand() -> None:
    """Three widths of 2; outside by 0.5 below and by 1 above, each weighted with 2 / (1 - 0.8) = 10."""
    y = np.array([0.5, 2.0, 4.0])
    assert winkler(y, np.full(3, 1.0), np.full(3, 3.0), 0.8) == pytest.approx((6.0 + 15.0) / 3.0)


def test_the_true_quantiles_have_the_best_winkler_score() -> None:
    y = np.random.default_rng(1).standard_normal(20_000)
    best, *others = (winkler(y, np.full(y.size, -z), np.full(y.size, z), 0.9) for z in (1.645, 1.3, 2.1))
    assert all(best < other for other in others)


def test_worst_block_of_30_days() -> None:
    """Two full blocks with 10 % and 20 % of misses; a third block of 10 hours, all missed, is too short to count."""
    hour = np.arange(1_450)
    inside = np.where(hour < 720, hour % 10 != 0, hour % 5 != 0) & (hour < 1_440)
    assert worst_block_coverage(inside, 60 * hour, 60) == pytest.approx(0.8)
    assert np.isnan(worst_block_coverage(inside[:399], 60 * hour[:399], 60))
    assert worst_block_coverage(inside[:400], 60 * hour[:400], 60) == pytest.approx(0.9)


def test_a_block_is_30_days_even_with_gaps() -> None:
    hour = np.concatenate((np.arange(500), np.arange(720, 1_220)))
    inside = np.arange(1_000) >= 500
    assert worst_block_coverage(inside, 60 * hour, 60) == 0.0


@given(flags, st.integers(1, 250))
def test_worst_run_by_plain_loops(inside: list[bool], length: int) -> None:
    runs = [sum(inside[i : i + length]) / length for i in range(len(inside) - length + 1)]
    found = worst_run_coverage(np.array(inside), length)
    assert np.isnan(found) if not runs else found == pytest.approx(min(runs))


def test_kupiec_by_hand() -> None:
    """20 misses in 100 where 10 are expected: 2 · (20 ln 2 + 80 ln (8/9))."""
    found = kupiec(20, 100, 0.9)
    assert found.statistic == pytest.approx(2.0 * (20.0 * log(2.0) + 80.0 * log(8.0 / 9.0)))
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 1))


def test_kupiec_without_a_hit_or_a_miss() -> None:
    assert kupiec(0, 50, 0.9).statistic == pytest.approx(-100.0 * log(0.9))
    assert kupiec(50, 50, 0.9).statistic == pytest.approx(-100.0 * log(0.1))


@given(st.integers(1, 500), st.integers(1, 9))
def test_kupiec_is_zero_at_exact_coverage(tens: int, misses_of_ten: int) -> None:
    found = kupiec(misses_of_ten * tens, 10 * tens, 1.0 - misses_of_ten / 10)
    assert found.statistic == pytest.approx(0.0, abs=1e-9)
    assert found.p_value == pytest.approx(1.0, abs=1e-4)


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0.01, 0.99))
def test_kupiec_is_a_likelihood_ratio(misses: int, hits: int, level: float) -> None:
    found = kupiec(misses, hits + misses, level)
    assert np.isnan(found.statistic) if not hits + misses else found.statistic >= 0.0 <= found.p_value <= 1.0


def test_christoffersen_by_hand() -> None:
    """0 0 1 1 0 0 0 1: three steps from 0 to 0, two from 0 to 1, one from 1 to each; in all three ones in seven steps."""
    missed = np.array([0, 0, 1, 1, 0, 0, 0, 1], np.bool_)
    unrestricted = 3 * log(3 / 5) + 2 * log(2 / 5) + 2 * log(1 / 2)
    restricted = 4 * log(4 / 7) + 3 * log(3 / 7)
    found = christoffersen(missed)
    assert found.statistic == pytest.approx(2.0 * (unrestricted - restricted))
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 1))


@given(flags)
def test_christoffersen_is_a_likelihood_ratio(missed: list[bool]) -> None:
    found = christoffersen(np.array(missed))
    assert found.statistic >= 0.0
    assert 0.0 <= found.p_value <= 1.0


@pytest.mark.parametrize("missed", [[False] * 9, [True] * 9])
def test_only_misses_or_only_hits_tell_nothing_about_independence(missed: list[bool]) -> None:
    assert christoffersen(np.array(missed)) == (0.0, 1.0)


def test_clusters_are_found_and_random_misses_pass() -> None:
    rng = np.random.default_rng(3)
    assert christoffersen(np.repeat(rng.random(500) < 0.1, 4)).p_value < 1e-6
    p_values = [christoffersen(rng.random(1_000) < 0.1).p_value for _ in range(200)]
    assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.06)


def test_scores_of_no_outcomes_are_nan() -> None:
    nothing = np.array([], np.bool_)
    assert np.isnan(christoffersen(nothing)).all()
    assert np.isnan(christoffersen(np.array([True]))).all()
    assert np.isnan(worst_block_coverage(nothing, np.array([], np.int64), 60))
    assert np.isnan(winkler(np.array([]), np.array([]), np.array([]), 0.9))
