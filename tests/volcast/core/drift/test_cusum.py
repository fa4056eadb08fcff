"""Laws of the cumulative sum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.core.drift.cusum import Cusum


@given(st.lists(st.floats(-10, 10), max_size=200), st.floats(0.1, 20), st.floats(1, 1e6))
def test_it_stays_in_bounds_and_continues_from_its_state(values: list[float], threshold: float, memory: float) -> None:
    one, other = Cusum(threshold, memory), Cusum(threshold, memory)
    for value in values:
        other.load(one.dump())
        assert one.push(value) == other.push(value)
        assert 0.0 <= one.value <= 1.5 * threshold
        assert one.value == other.value


def test_it_forgets() -> None:
    cusum = Cusum(100.0, memory=10.0)
    for _ in range(1_000):
        cusum.push(1.0)
    assert cusum.value == pytest.approx(10.0)


@pytest.mark.parametrize(("threshold", "memory"), [(0.0, 10.0), (-1.0, 10.0), (1.0, 0.5)])
def test_impossible_settings_are_refused(threshold: float, memory: float) -> None:
    with pytest.raises(ValueError, match="must be positive and memory"):
        Cusum(threshold, memory)
