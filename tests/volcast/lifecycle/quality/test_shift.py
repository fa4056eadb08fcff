"""The stability index of shapes: zero for equal ones, whatever their scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.lifecycle.quality.shift import shift_of, stability_index, tenths


def test_equal_values_have_equal_shares() -> None:
    values = np.random.default_rng(1).gamma(2.0, 1.0, 5_000)
    found = shift_of("volume", 7.0 * values, values)
    assert found.psi == pytest.approx(0.0, abs=1e-9)
    assert found.median_ratio == pytest.approx(7.0)
    assert sum(found.shares) == pytest.approx(1.0)


def test_other_shapes_are_found() -> None:
    rng = np.random.default_rng(1)
    found = shift_of("volume", rng.lognormal(0.0, 2.0, 1_440), rng.lognormal(0.0, 0.2, 40_000))
    assert found.psi is not None
    assert found.psi > 1.0


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [np.nan]])
def test_a_median_of_zero_has_no_shape(values: list[float]) -> None:
    """Of the day it is told apart from that of the month, with which nothing can be compared."""
    good, still = np.ones(10), np.array(values)
    assert (shift_of("range", still, good).psi, shift_of("range", still, good).median_ratio) == (None, 0.0)
    assert (shift_of("range", good, still).psi, shift_of("range", good, still).median_ratio) == (None, None)


@given(st.lists(st.floats(0.001, 1.0), min_size=2, max_size=12), st.lists(st.floats(0.001, 1.0), min_size=2, max_size=12))
def test_the_index_is_never_negative(one: list[float], other: list[float]) -> None:
    size = min(len(one), len(other))
    p, q = np.array(one[:size]) / sum(one[:size]), np.array(other[:size]) / sum(other[:size])
    assert stability_index(p, q) >= 0.0
    assert stability_index(p, q) == pytest.approx(stability_index(q, p))


def test_equal_values_fall_into_one_tenth() -> None:
    shares, expected = tenths(np.ones(5), np.ones(50))
    assert shares.tolist() == expected.tolist()
