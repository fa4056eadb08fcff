"""Outcomes that do not overlap, their scores, and the sums of them."""

from itertools import pairwise
from math import exp

import pytest
from msgspec.structs import replace

from tests.volcast.core.drift.streams import FIRST_MINUTE, scaled, sound
from volcast.core.drift.skill import OutcomeGrid, ScoredOutcome, score_detectors
from volcast.core.drift.thresholds import shipped_thresholds
from volcast.core.forecast.losses import qlike


def test_one_outcome_counts_each_hour_and_the_loss_is_the_signals_own() -> None:
    grid = OutcomeGrid(0.9)
    scored = [(seen, found) for seen in sound(3 * 1_440) if (found := grid.push(seen))]
    assert len(scored) == 47
    assert {seen.minute % 60 for seen, _ in scored} == {59}
    for seen, found in scored:
        assert seen.outcome
        realized, forecast, baseline = seen.outcome
        assert found.loss_gap == pytest.approx(qlike(realized, forecast, 60) - qlike(realized, baseline, 60), abs=1e-9)


def test_the_residual_is_at_the_bounds_where_the_outcome_is() -> None:
    seen = replace(next(iter(sound(1))), warm=True, minute=FIRST_MINUTE + 59)
    for volatility, z in ((seen.volatility_lower, -1.645), (seen.volatility_median, 0.0), (seen.volatility_upper, 1.645)):
        grid = OutcomeGrid(0.9)
        assert grid.push(seen) is None
        outcome = (volatility**2, exp(seen.log_variance), exp(seen.log_variance))
        found = grid.push(replace(seen, minute=seen.minute + 60, outcome=outcome))
        assert found is not None
        assert found.z == pytest.approx(z, abs=1e-3)


def test_a_longer_horizon_counts_once_per_horizon() -> None:
    """Outcomes of four hours, made each minute, count at the end of every fourth hour."""
    grid, minutes = OutcomeGrid(0.9), []
    for seen in sound(4 * 1_440):
        day = replace(seen, horizon_minutes=240, outcome=(exp(seen.log_variance),) * 3)
        if grid.push(day):
            minutes.append(seen.minute)
    assert {after - before for before, after in pairwise(minutes)} == {240}


def test_each_detector_answers_to_its_own_fault() -> None:
    quiet = ScoredOutcome(-0.1, 0.0, covered=True)
    faults = {
        "skill_lost": ScoredOutcome(0.2, 0.0, covered=True),
        "forecast_biased": ScoredOutcome(-0.1, -1.5, covered=True),
        "coverage_lost": ScoredOutcome(-0.1, 0.0, covered=False),
    }
    for name, fault in faults.items():
        detectors = score_detectors(shipped_thresholds(), 0.9)
        for scored in [quiet] * 500 + [fault] * 100:
            for detector in detectors:
                detector.push(scored)
        assert [detector.name for detector in detectors if detector.evidence] == [name]


def test_a_lost_skill_is_a_matter_of_days_and_ends_with_it() -> None:
    [skill, *_] = score_detectors(shipped_thresholds(), 0.9)
    delays = []
    for hour in range(400):
        skill.push(ScoredOutcome(0.2, 0.0, covered=True))
        delays += [hour] if skill.evidence else []
    assert 24 < delays[0] < 14 * 24
    for _ in range(14 * 24):
        skill.push(ScoredOutcome(-0.15, 0.0, covered=True))
    assert not skill.evidence


def test_no_outcome_counts_that_was_forecast_before_the_symbol_was_warm() -> None:
    grid = OutcomeGrid(0.9)
    assert not [seen for seen in sound(1_440) if grid.push(scaled(seen, 1.0, 0))]


def test_minutes_before_the_next_one_may_be_left_out() -> None:
    """So the monitor does it, also after a gap."""
    for horizon in (7, 60, 240):
        every, some = OutcomeGrid(0.9), OutcomeGrid(0.9)
        for seen in sound(3 * 1_440):
            if seen.minute % 1_000 in range(100, 300):
                continue
            each = replace(seen, horizon_minutes=horizon, outcome=(exp(seen.log_variance),) * 3)
            found = some.push(each) if each.minute >= some.next_minute else None
            assert every.push(each) == found
