"""Storms and warnings agree with plain loops; a warning depends on nothing after it."""

import numpy as np
import pytest

from volcast.backtest.evaluation.storms import Storms, StormWarnings, storms

HOURS = 24 * 150
MINUTE = np.arange(HOURS * 60)
GRID = np.arange(59, HOURS * 60, 60)
RNG = np.random.default_rng(1)
LEVEL = np.exp(np.convolve(RNG.normal(0.0, 0.3, HOURS + 9), np.ones(10) / 3.0, "valid"))
AT = GRID[24 * 20 :]
REALIZED = (LEVEL * np.exp(RNG.normal(0.0, 0.3, HOURS)))[24 * 20 :]


def forecasts(hourly: np.ndarray) -> np.ndarray:
    result = np.full(HOURS * 60, np.nan)
    result[GRID] = hourly
    return result


TRACKS = {"knows": forecasts(LEVEL), "guesses": forecasts(RNG.random(HOURS))}
FOUND = storms(MINUTE, GRID, AT, REALIZED, TRACKS)


def test_they_agree_with_plain_loops() -> None:
    threshold = np.quantile(REALIZED, 0.95)
    assert FOUND.outcomes == AT.size
    assert FOUND.threshold == pytest.approx(threshold)
    assert FOUND.storms == sum(threshold < REALIZED)
    for found, hourly in zip(FOUND.models, (LEVEL, TRACKS["guesses"][GRID]), strict=True):
        warned = []
        for hour in range(24 * 20, HOURS):
            history = hourly[max(0, hour - 90 * 24) : hour]
            warned.append(hourly[hour] > np.quantile(history, 0.95))
        assert found.warnings == sum(warned)
        assert found.right == sum(np.array(warned) & (threshold < REALIZED))


def test_a_model_that_knows_is_better_than_a_guess() -> None:
    knows, guesses = FOUND.models
    assert knows.right_in_hindsight > 0.4 * FOUND.storms
    assert guesses.right_in_hindsight < 0.15 * FOUND.storms
    assert guesses.warnings == pytest.approx(0.05 * FOUND.outcomes, rel=0.4)


def test_a_warning_depends_on_nothing_after_it() -> None:
    """With another future, the warnings up to now are the same: counted over the same outcomes."""
    cut = 24 * 100
    changed = LEVEL.copy()
    changed[cut:] *= RNG.uniform(0.1, 10.0, HOURS - cut)
    part = AT[GRID[cut] > AT]
    realized = REALIZED[: part.size]
    before = storms(MINUTE, GRID, part, realized, {"a": forecasts(LEVEL)})
    after = storms(MINUTE, GRID, part, realized, {"a": forecasts(changed)})
    assert before == after
    assert before.models[0].warnings > 0


def test_without_ten_days_of_forecasts_no_one_can_warn() -> None:
    early = GRID[: 24 * 10]
    nothing = storms(MINUTE, GRID, early, np.ones(early.size), {"a": forecasts(LEVEL)})
    assert nothing == Storms(0, 0, None, [StormWarnings("a", 0, 0, 0)])
    late = LEVEL.copy()
    late[: 24 * 15] = np.nan
    found = storms(MINUTE, GRID, AT, REALIZED, {"late": forecasts(late), "knows": forecasts(LEVEL)})
    assert found.outcomes == AT.size - 24 * 5, "the same outcomes for both"


def test_without_outcomes_there_are_no_storms() -> None:
    assert storms(MINUTE, GRID, GRID[:0], np.array([]), {"a": forecasts(LEVEL)}).storms == 0
