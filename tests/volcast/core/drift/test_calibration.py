"""Distributions that are too narrow or too wide make a ticket that says which, and it ends with the fault."""

from typing import Any

import numpy as np
import pytest

from volcast.core.drift.alarms import Tier
from volcast.core.drift.calibration import ForecastMiscalibrated
from volcast.core.drift.outcomes import ScoredOutcome
from volcast.core.drift.thresholds import shipped_thresholds

SETTINGS = shipped_thresholds().detectors[ForecastMiscalibrated.name]


def scored(hours: int, volatility_spread: float = 1.0, return_spread: float = 1.0, seed: int = 1) -> list[ScoredOutcome]:
    """Return outcomes whose normal scores have these standard deviations."""
    scores = np.random.default_rng(seed).normal(size=(hours, 2)) * (volatility_spread, return_spread)
    return [ScoredOutcome(-0.1, *each) for each in scores.tolist()]


def test_sound_distributions_are_silent() -> None:
    detector = ForecastMiscalibrated(SETTINGS)
    for each in scored(24 * 365):
        detector.push(each)
        assert detector.evidence is None


@pytest.mark.parametrize(
    ("spreads", "words"),
    [
        ((1.5, 1.0), "Realized volatility lies further"),
        ((1 / 1.5, 1.0), "Realized volatility lies nearer"),
        ((1.0, 1.5), "Returns are larger"),
        ((1.0, 1 / 1.5), "Returns are smaller"),
    ],
)
def test_each_wrong_width_is_found_named_and_over_when_it_is_right_again(spreads: tuple[float, float], words: str) -> None:
    detector, delays = ForecastMiscalibrated(SETTINGS), []
    for each in scored(30 * 24):
        detector.push(each)
    for hour, each in enumerate(scored(14 * 24, *spreads, seed=2)):
        detector.push(each)
        if detector.evidence:
            delays.append(hour)
    assert 6 < delays[0] < 7 * 24
    assert detector.tier is Tier.TICKET
    assert detector.what.startswith(words)
    assert detector.evidence
    spread = max(spreads) if max(spreads) > 1 else min(spreads)
    assert detector.evidence.before == pytest.approx(1.0, abs=0.3)
    assert (detector.evidence.after - 1.0) * (spread - 1.0) > 0.0
    assert detector.evidence.statistic > SETTINGS.threshold
    for each in scored(14 * 24, seed=3):
        detector.push(each)
    assert detector.evidence is None


def test_an_outcome_far_outside_counts_only_as_one() -> None:
    detector = ForecastMiscalibrated(SETTINGS)
    for each in [*scored(500), ScoredOutcome(-0.1, 1e9, -1e9), *scored(50, seed=4)]:
        detector.push(each)
        assert detector.evidence is None


def test_the_state_is_restored_with_its_sentence() -> None:
    detector, other = ForecastMiscalibrated(SETTINGS), ForecastMiscalibrated(SETTINGS)
    for each in scored(14 * 24, 1.0, 2.0):
        detector.push(each)
    other.load(detector.dump())
    assert other.dump() == detector.dump()
    assert (other.what, other.evidence) == (detector.what, detector.evidence)
    assert other.evidence
    damages: list[dict[str, Any]] = [{"found": 4}, {"sums": []}, {"means": [[1.0, 1.0]]}]
    for wrong in damages:
        with pytest.raises((TypeError, ValueError)):
            other.load(detector.dump() | wrong)
