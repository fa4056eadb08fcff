"""What recent errors add to the usual ones: nothing in a stable market, the right direction after a change, within bounds."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.core.forecast.distribution.adaptation import Adaptation

PER_DAY = 144
ANY = st.floats(-1e12, 1e12)


def adapted(errors: np.ndarray, *, horizon_minutes: int = 60, start_days: float = 10.0) -> Adaptation:
    """Return the adaptation after standardised errors (n,) of log RV; the returns are as large as they are."""
    adaptation = Adaptation(horizon_minutes, PER_DAY, start_weight=start_days * PER_DAY)
    for error in errors.tolist():
        adaptation.push(error, abs(error - adaptation.shift), abs(error))
    return adaptation


def normal(days: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, np.sqrt(np.pi / 2), days * PER_DAY)


def test_a_stable_market_changes_next_to_nothing() -> None:
    found = adapted(normal(300))
    assert found.shift == pytest.approx(0.0, abs=0.05)
    assert (found.width, found.stretch) == pytest.approx((1.0, 1.0), abs=0.06)


@pytest.mark.parametrize("bias", [-5.0, 0.0, 1.5])
def test_a_constant_bias_of_a_new_symbol_is_not_taken_for_a_change(bias: float) -> None:
    """The histograms learn it, at the pace of their start: the feedback must not do so, too."""
    assert adapted(normal(4) + bias, start_days=1.0).shift == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_after_two_weeks_of_larger_errors_width_and_stretch_have_followed_most_of_the_way(factor: float) -> None:
    found = adapted(np.concatenate((normal(200), factor * normal(14, seed=2))))
    for ratio in (found.width, found.stretch):
        assert 0.3 * log(factor) < log(ratio) < log(factor) or 0.3 * log(factor) > log(ratio) > log(factor)


def test_after_a_week_of_errors_above_zero_the_shift_is_a_part_of_them() -> None:
    assert 0.15 < adapted(np.concatenate((normal(200), normal(7, seed=2) + 1.0))).shift < 0.5


def test_a_long_horizon_adapts_less() -> None:
    errors = np.concatenate((normal(200), 1.5 * normal(14, seed=2) + 0.5))
    hour, day = adapted(errors), adapted(errors, horizon_minutes=1_440)
    assert day.shift == pytest.approx(hour.shift / 24, rel=0.1)
    assert log(day.width) == pytest.approx(log(hour.width) / 24, rel=0.1)
    assert adapted(errors, horizon_minutes=15).width == hour.width


@given(st.lists(st.tuples(ANY, ANY.map(abs), ANY.map(abs)), max_size=50), st.sampled_from([5, 60, 1_440]))
def test_any_outcomes_leave_it_within_bounds_and_a_dump_restores_it(
    outcomes: list[tuple[float, float, float]], horizon: int
) -> None:
    adaptation = Adaptation(horizon, PER_DAY, start_weight=PER_DAY)
    for outcome in outcomes:
        adaptation.push(*outcome)
    assert abs(adaptation.shift) <= 4.0
    assert 0.05 < adaptation.width < 20.0
    assert 0.05 < adaptation.stretch < 20.0
    again = Adaptation(horizon, PER_DAY, start_weight=PER_DAY)
    again.load(adaptation.dump())
    assert again.dump() == adaptation.dump()
    assert (again.shift, again.width, again.stretch) == (adaptation.shift, adaptation.width, adaptation.stretch)
