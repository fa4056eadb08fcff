"""How often a horizon keeps a row to learn from, over all horizons that there may be."""

import pytest

from volcast.core.forecast.forecaster import MAX_HORIZON_MINUTES, MIN_HORIZON_MINUTES
from volcast.core.models.sampling import sample_minutes, samples_per_day

HORIZONS = range(MIN_HORIZON_MINUTES, MAX_HORIZON_MINUTES + 1)


def test_samples_lie_a_sixth_of_the_horizon_apart_and_never_nearer_than_five_minutes() -> None:
    for horizon in HORIZONS:
        assert max(5, horizon // 6) <= sample_minutes(horizon) <= max(5, horizon // 6) + 2
        assert sample_minutes(horizon) <= horizon


def test_long_steps_come_at_ever_other_minutes_of_the_day() -> None:
    """Else a feature of the time of day would be constant in all samples."""
    for horizon in HORIZONS:
        step = sample_minutes(horizon)
        assert step <= 10 or 1_440 % step


def test_so_many_a_day() -> None:
    assert samples_per_day(15) == 288.0
    assert samples_per_day(1_440) == pytest.approx(1_440 / 241)
