"""Outcomes that do not overlap, and where they lie in the distribution that was forecast."""

from itertools import pairwise
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.stats import norm  # type: ignore[import-untyped]  # SciPy ships no types

from tests.volcast.core.drift.streams import FIRST_MINUTE, SCORES, quantiles, scaled, sound
from volcast.core.drift.observation import Observation
from volcast.core.drift.outcomes import OutcomeGrid, ScoredOutcome, normal_score
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS
from volcast.core.forecast.losses import qlike


def scored_after(made: Observation, realized_volatility: float, log_return: float) -> ScoredOutcome:
    """Return the score of an outcome, an hour after a forecast."""
    grid = OutcomeGrid()
    assert grid.push(made) is None
    [due] = [seen for seen in sound(121) if seen.minute == FIRST_MINUTE + 119]
    assert due.outcome
    outcome = due.outcome._replace(realized_variance=realized_volatility**2, log_return=log_return)
    found = grid.push(replace(due, outcome=outcome))
    assert found is not None
    return found


def hour_end() -> Observation:
    [seen] = [seen for seen in sound(60) if seen.hour_end]
    return replace(seen, warm=True)


def test_one_outcome_counts_each_hour_and_the_loss_is_the_signals_own() -> None:
    grid = OutcomeGrid()
    scored = [(seen, found) for seen in sound(3 * 1_440) if (found := grid.push(seen))]
    assert len(scored) == 47
    assert {seen.minute % 60 for seen, _ in scored} == {59}
    for seen, found in scored:
        assert seen.outcome
        realized, forecast, baseline = (
            seen.outcome.realized_variance,
            seen.outcome.prediction.variance,
            seen.outcome.variance_ewma,
        )
        assert found.loss_gap == pytest.approx(qlike(realized, forecast, 60) - qlike(realized, baseline, 60), abs=1e-9)


def test_a_score_is_that_of_the_level_whose_quantile_the_outcome_is() -> None:
    made = hour_end()
    assert made.hour_end
    found = made.hour_end.quantiles
    for level, volatility, log_return in zip(QUANTILE_LEVELS, found.realized_volatility, found.log_return, strict=True):
        score = scored_after(made, volatility, log_return)
        assert (score.volatility_score, score.return_score) == pytest.approx((norm.ppf(level),) * 2, abs=1e-6)


@given(st.lists(st.floats(-1e3, 1e3), min_size=13, max_size=13), st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_scores_rise_with_the_outcome_and_are_finite(values: list[float], a: float, b: float) -> None:
    ordered = sorted(values)
    low, high = (normal_score(x, SCORES, ordered) for x in sorted((a, b)))
    assert np.isfinite([low, high]).all()
    assert low <= high + 1e-9 * max(abs(low), abs(high), 1.0)


def test_scores_of_right_forecasts_are_standard_normal() -> None:
    rng, law = np.random.default_rng(3), quantiles(log(60 * 1e-7))
    draws = rng.normal(size=20_000) * exp(log(60 * 1e-7) / 2)
    scores = np.array([normal_score(float(x), SCORES, law.log_return) for x in draws])
    assert (scores.mean(), scores.std()) == pytest.approx((0.0, 1.0), abs=0.03)


@pytest.mark.parametrize(("horizon", "apart"), [(240, 240), (90, 120), (15, 60)])
def test_forecasts_of_a_horizon_in_whole_hours_count(horizon: int, apart: int) -> None:
    grid = OutcomeGrid()
    minutes = [seen.minute for seen in sound(4 * 1_440) if grid.push(replace(seen, horizon_minutes=horizon))]
    assert {after - before for before, after in pairwise(minutes)} == {apart}


def test_no_outcome_counts_that_was_forecast_before_the_symbol_was_warm() -> None:
    grid = OutcomeGrid()
    assert not [seen for seen in sound(1_440) if grid.push(scaled(seen, 1.0, 0))]


def test_minutes_that_are_neither_due_nor_an_hours_end_may_be_left_out() -> None:
    """So the monitor does it, also after a gap."""
    for horizon in (7, 60, 240):
        every, some = OutcomeGrid(), OutcomeGrid()
        for seen in sound(3 * 1_440):
            if seen.minute % 1_000 in range(100, 300):
                continue
            each = replace(seen, horizon_minutes=horizon)
            found = some.push(each) if each.hour_end or each.minute == some.due_minute else None
            assert every.push(each) == found


def test_a_price_that_never_moved_has_no_score() -> None:
    grid = OutcomeGrid()
    for seen in sound(3 * 1_440):
        outcome = seen.outcome and seen.outcome._replace(realized_variance=0.0, log_return=0.0)
        assert grid.push(replace(seen, outcome=outcome)) is None


def test_the_waiting_forecast_is_restored() -> None:
    grid, other = OutcomeGrid(), OutcomeGrid()
    stream = list(sound(1_440 + 200))
    for seen in stream[:-90]:
        grid.push(seen)
    other.load(grid.dump())
    assert other.dump() == grid.dump()
    found = [other.push(seen) for seen in stream[-90:]]
    assert any(found)
    assert found == [grid.push(seen) for seen in stream[-90:]]
    with pytest.raises((TypeError, ValueError)):
        other.load({"due_minute": 1, "waiting": [[0.1, 0.5, 0.9], [1.0, 2.0], [1.0, 2.0, 3.0]]})
