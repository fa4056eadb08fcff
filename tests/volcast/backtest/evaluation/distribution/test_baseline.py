"""The shape of the past is made of outcomes that were known before the day began, and of no others."""

import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, truth_of
from volcast.backtest.evaluation.distribution.baseline import (
    MIN_SAMPLES,
    SAMPLE_MINUTES,
    SHAPE_DAYS,
    Standardised,
    past_quantiles,
    standardised,
)

LEVELS = (0.01, 0.5, 0.99)


@pytest.mark.parametrize("horizon", [15, 60])
def test_quantiles_by_a_plain_loop(horizon: int) -> None:
    truth, expected = truth_of(12 * DAY, horizon_minutes=horizon)
    minute = truth.open_time_ms // 60_000
    at = np.arange(59, 12 * DAY, 60)
    found = past_quantiles(standardised(truth, truth.log_return, expected), minute[at], LEVELS)
    z = truth.log_return / np.sqrt(expected)
    for row, place in zip(found, at.tolist(), strict=True):
        midnight = place // DAY * DAY
        past = [z[i] for i in range(SAMPLE_MINUTES - 1, 12 * DAY, SAMPLE_MINUTES) if i + horizon <= midnight]
        if len(past) < MIN_SAMPLES:
            assert np.isnan(row).all()
        else:
            np.testing.assert_allclose(row, np.quantile(past, LEVELS))
    assert np.isfinite(found[-1]).all()


def test_what_comes_later_changes_nothing_and_what_is_old_is_forgotten() -> None:
    minute = np.arange(9, 260 * DAY, 10)
    values = np.random.default_rng(1).standard_normal(minute.size)
    made = np.array([255 * DAY + 59])
    before = past_quantiles(Standardised(minute, 60, values), made, LEVELS)
    changed = values.copy()
    changed[minute + 60 > 255 * DAY] = 1e6
    changed[minute < (255 - SHAPE_DAYS) * DAY] = -1e6
    np.testing.assert_array_equal(past_quantiles(Standardised(minute, 60, changed), made, LEVELS), before)


def test_a_long_horizon_needs_a_longer_history() -> None:
    """A thousand samples of a day's outcomes are a week: seven outcomes."""
    minute = np.arange(9, 170 * DAY, 10)
    past = Standardised(minute, DAY, np.ones(minute.size))
    found = past_quantiles(past, np.array([20, 150, 162]) * DAY, (0.5,))
    assert np.isfinite(found[:, 0]).tolist() == [False, False, True]


def test_outcomes_without_a_forecast_do_not_count() -> None:
    truth, expected = truth_of(DAY)
    expected[:300] = np.nan
    expected[300:400] = 0.0
    found = standardised(truth, truth.log_return, expected)
    assert found.minute.min() == truth.open_time_ms[409] // 60_000
    assert np.isfinite(found.values).all()
