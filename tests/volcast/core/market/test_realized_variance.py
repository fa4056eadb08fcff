"""Each window against its definition: the mean over closed buckets and the open one, the floor and the prior."""

from collections.abc import Sequence
from math import fsum

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volcast.core.market.features import PRIOR_VARIANCE, VARIANCE_FLOOR
from volcast.core.market.realized_variance import PRIOR_MINUTES, WINDOWS, BucketWindow, RealizedVariances

WEEK_MINUTES = 7 * 1_440


def in_window(values: Sequence[float], minutes: int, buckets: int) -> Sequence[float]:
    """Return the last `buckets` closed buckets of `minutes` values, and the values of the open one."""
    closed = len(values) // minutes
    return values[max(closed - buckets, 0) * minutes :]


def mean_with_prior(values: Sequence[float]) -> float:
    """Return the mean of the values, filled up with the prior to PRIOR_MINUTES values."""
    filled = [*values, *[PRIOR_VARIANCE] * (PRIOR_MINUTES - len(values))]
    return float(np.mean(filled))


def squared_returns(count: int, seed: int = 1) -> list[float]:
    """Return squares of heavy-tailed returns, from calm to wild and back, with constant prices in between."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** (-4 + 1.5 * np.sin(np.arange(count) / 700))
    returns = rng.standard_t(3, count) * scale
    returns[rng.random(count) < 0.2] = 0.0
    return [float(one) for one in returns**2]


@settings(max_examples=150)
@given(
    minutes=st.integers(1, 6),
    buckets=st.integers(1, 6),
    values=st.lists(st.floats(0, 1e4) | st.sampled_from([0.0, 1e-300, 1e-12, 1e4]), max_size=80),
)
def test_a_window_holds_its_closed_buckets_and_the_open_one(minutes: int, buckets: int, values: list[float]) -> None:
    window = BucketWindow(minutes, buckets)
    assert window.mean() == PRIOR_VARIANCE
    for count, value in enumerate(values, start=1):
        window.push(value)
        expected = in_window(values[:count], minutes, buckets)
        assert window.count == len(expected)
        assert window.count <= minutes * (buckets + 1)
        assert window.total == pytest.approx(fsum(expected), rel=1e-15 * minutes, abs=0)
        assert window.mean() == pytest.approx(mean_with_prior(expected), rel=1e-13, abs=0)


@pytest.mark.parametrize(
    "count", [0, 1, 9, 10, 11, 59, 60, 61, 239, 240, 241, 255, 256, 1_439, 1_440, 1_455, 10_079, 10_080, 10_139]
)
def test_each_window_matches_its_definition_around_the_boundaries_of_its_buckets(count: int) -> None:
    values = squared_returns(count)
    windows = RealizedVariances()
    for value in values:
        windows.push(value)
    vector = windows.vector()
    assert tuple(vector) == tuple(WINDOWS)
    for name, (minutes, buckets) in WINDOWS.items():
        assert vector[name] == pytest.approx(mean_with_prior(in_window(values, minutes, buckets)), rel=1e-12, abs=0), name


def test_the_windows_reach_as_far_back_as_their_names_say() -> None:
    reach = {name: minutes * buckets for name, (minutes, buckets) in WINDOWS.items()}
    assert reach == {"variance_1h": 60, "variance_4h": 240, "variance_1d": 1_440, "variance_7d": WEEK_MINUTES}


def test_no_rounding_error_remains_after_a_shock() -> None:
    """A running sum would keep the rounding errors of 1e4 for ever, which are large beside values of 1e-9."""
    calm = [1e-9] * (2 * WEEK_MINUTES)
    windows = RealizedVariances()
    for value in [*calm, 1e4, *calm]:
        windows.push(value)
    for name in WINDOWS:
        assert windows.vector()[name] == pytest.approx(1e-9, rel=1e-13, abs=0)


def test_a_constant_price_has_the_smallest_variance() -> None:
    windows = RealizedVariances()
    for _ in range(WEEK_MINUTES + 60):
        windows.push(0.0)
    assert windows.vector() == dict.fromkeys(WINDOWS, VARIANCE_FLOOR)


def test_a_young_window_is_filled_up_with_the_prior() -> None:
    windows = RealizedVariances()
    windows.push(4e-6)
    expected = (4e-6 + 9 * PRIOR_VARIANCE) / 10
    for name in WINDOWS:
        assert windows.vector()[name] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("count", [0, 1, 100, 2_000])
def test_a_dump_restores_the_state_to_the_last_bit(count: int) -> None:
    values = squared_returns(count + 700, seed=5)
    windows, again = RealizedVariances(), RealizedVariances()
    for value in values[:count]:
        windows.push(value)
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(windows.dump())))
    for value in values[count:]:
        windows.push(value)
        again.push(value)
        assert again.vector() == windows.vector()
    assert again.dump() == windows.dump()


def test_another_shape_is_refused() -> None:
    state = RealizedVariances().dump()
    with pytest.raises(ValueError, match="reshape"):
        RealizedVariances().load({**state, "variance_1h": state["variance_7d"]})
    with pytest.raises(KeyError):
        RealizedVariances().load({})
