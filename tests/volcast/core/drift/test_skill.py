"""Lost skill and bias: each detector answers to its own fault, and ends with it."""

from volcast.core.drift.outcomes import ScoredOutcome
from volcast.core.drift.skill import score_detectors
from volcast.core.drift.thresholds import shipped_thresholds


def test_each_detector_answers_to_its_own_fault() -> None:
    quiet = ScoredOutcome(-0.1, 0.0, 0.0)
    faults = {
        "skill_lost": ScoredOutcome(0.2, 0.0, 0.0),
        "forecast_biased": ScoredOutcome(-0.1, -1.5, 0.0),
    }
    for name, fault in faults.items():
        detectors = score_detectors(shipped_thresholds())
        for scored in [quiet] * 500 + [fault] * 100:
            for detector in detectors:
                detector.push(scored)
        assert [detector.name for detector in detectors if detector.evidence] == [name]


def test_a_lost_skill_is_a_matter_of_days_and_ends_with_it() -> None:
    [skill, _] = score_detectors(shipped_thresholds())
    delays = []
    for hour in range(400):
        skill.push(ScoredOutcome(0.2, 0.0, 0.0))
        delays += [hour] if skill.evidence else []
    assert 24 < delays[0] < 14 * 24
    for _ in range(14 * 24):
        skill.push(ScoredOutcome(-0.15, 0.0, 0.0))
    assert not skill.evidence
