"""The distance of samples for every possible horizon."""

import pytest

from volcast.core.forecast.forecaster import MAX_HORIZON_MINUTES, MIN_HORIZON_MINUTES
from volcast.core.models.sampling import sample_minutes, samples_per_day

HORIZONS = range(MIN_HORIZON_MINUTES, MAX_HORIZON_MINUTES + 1)


def test_samples_are_a_sixth_of_the_horizon_apart_and_at_least_five_minutes() -> None:
    for horizon in HORIZONS:
        assert max(5, horizon // 6) <= sample_minutes(horizon) <= max(5, horizon // 6) + 2
        assert sample_minutes(horizon) <= horizon


def test_long_steps_do_not_divide_a_day() -> None:
    """Otherwise a feature of the time of day could be constant in all samples."""
    for horizon in HORIZONS:
        step = sample_minutes(horizon)
        assert step <= 10 or 1_440 % step


def test_samples_per_day() -> None:
    assert samples_per_day(15) == 288.0
    assert samples_per_day(1_440) == pytest.approx(1_440 / 241)
