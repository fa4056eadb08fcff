"""The fast detectors: what is suspect, what explains a step, and what confirms it."""

from math import log

import pytest
from msgspec.structs import replace

from tests.volcast.core.drift.streams import FIRST_MINUTE, LOG_VARIANCE, scaled, sound
from volcast.core.drift.failure import ForecastShifted, ForecastStill
from volcast.core.drift.observation import Observation
from volcast.core.drift.thresholds import shipped_thresholds

BREAK = FIRST_MINUTE + 3_007
SETTINGS = shipped_thresholds().detectors


def frozen(seen: Observation) -> Observation:
    return seen if seen.minute < BREAK else replace(seen, log_variance=LOG_VARIANCE)


def still_at(stream: list[Observation]) -> int | None:
    return alarm_at(ForecastStill(SETTINGS["forecast_still"]), stream)


def shifted_at(stream: list[Observation]) -> int | None:
    return alarm_at(ForecastShifted(SETTINGS["forecast_shifted"]), stream)


def alarm_at(detector: ForecastStill | ForecastShifted, stream: list[Observation]) -> int | None:
    """Return how many minutes after the break the alarm is on."""
    for seen in stream:
        detector.push(seen)
        if detector.evidence:
            return seen.minute - BREAK + 1
    return None


def test_a_frozen_forecast_is_found_after_thirty_moves_of_the_price() -> None:
    assert still_at([frozen(seen) for seen in sound(3_200)]) == 32


def test_a_forecast_that_stands_still_beside_a_price_that_does_is_not_at_fault() -> None:
    stream = [replace(frozen(seen), moved=False) if seen.minute >= BREAK else seen for seen in sound(6_000)]
    assert still_at(stream) is None


def test_a_forecast_that_moves_again_ends_the_alarm() -> None:
    detector = ForecastStill(SETTINGS["forecast_still"])
    for seen in map(frozen, sound(3_200)):
        detector.push(seen)
    assert detector.evidence
    detector.push(replace(seen, log_variance=LOG_VARIANCE + 0.01))
    assert detector.evidence is None


@pytest.mark.parametrize("factor", [2.25, 0.44, 10.0])
def test_a_step_that_stays_is_found(factor: float) -> None:
    delay = shifted_at([scaled(seen, log(factor), BREAK) for seen in sound(4_500)])
    assert delay is not None
    assert 120 <= delay <= 360


@pytest.mark.parametrize("factor", [1.5, 0.7])
def test_small_steps_are_left_to_the_slow_detectors(factor: float) -> None:
    assert shifted_at([scaled(seen, log(factor), BREAK) for seen in sound(6_000)]) is None


def test_scheduled_news_explains_a_step() -> None:
    """The forecast rises while the release is within its horizon, and falls when it no longer is."""
    news = [
        replace(scaled(seen, 1.5, BREAK), release_weight=1.0) if BREAK <= seen.minute < BREAK + 60 else seen
        for seen in sound(6_000)
    ]
    assert shifted_at(news) is None


def test_a_large_candle_explains_a_rise_but_not_a_fall() -> None:
    def large(seen: Observation) -> Observation:
        return replace(seen, relative_range=0.02) if seen.minute == BREAK else seen

    for factor, is_found in ((2.25, False), (0.44, True)):
        stream = [large(scaled(seen, log(factor), BREAK)) for seen in sound(4_500)]
        assert (shifted_at(stream) is not None) is is_found


def test_outcomes_and_reference_that_follow_a_step_bear_it_out() -> None:
    """The market itself becomes calmer: the forecast fell rightly."""

    def calmer(seen: Observation) -> Observation:
        if seen.minute < BREAK:
            return seen
        fallen = scaled(seen, log(0.44), BREAK)
        outcome = fallen.outcome and fallen.outcome._replace(realized_variance=0.44 * fallen.outcome.realized_variance)
        return replace(fallen, log_reference=seen.log_reference + log(0.44), outcome=outcome)

    assert shifted_at(list(map(calmer, sound(6_000)))) is None


def test_a_step_across_a_gap_is_not_suspect() -> None:
    stream = [scaled(seen, log(2.25), BREAK) for seen in sound(6_000) if not BREAK - 5 <= seen.minute < BREAK]
    assert shifted_at(stream) is None


def test_the_memory_is_bounded() -> None:
    """Steps every other minute, which nothing explains."""
    detector = ForecastShifted(SETTINGS["forecast_shifted"])
    for seen in sound(5_000):
        detector.push(replace(seen, log_variance=seen.log_variance - (seen.minute % 2)))
    assert len(detector.dump()["steps"]) <= SETTINGS["forecast_shifted"].numbers["max_steps"]


def test_what_the_forecast_makes_of_broken_data_is_not_its_fault() -> None:
    detector = ForecastShifted(SETTINGS["forecast_shifted"])
    for seen in (scaled(seen, log(2.25), BREAK) for seen in sound(4_500)):
        detector.push(seen)
        if seen.minute == BREAK - 100:
            detector.distrust_data(seen.minute)
        assert not detector.evidence
