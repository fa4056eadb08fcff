"""Thresholds for a wanted rate of alarms: what is chosen, what is refused, and what counts."""

from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.volcast.core.drift.streams import FIRST_MINUTE, scaled, sound
from volcast.backtest.drift_calibration import (
    CALIBRATED,
    FACTORS,
    MONTH_MINUTES,
    AlarmCounter,
    CalibratedDetector,
    CalibrationError,
    calibrate,
    calibrated_thresholds,
    poisson_interval,
    scaled_thresholds,
)
from volcast.core.drift.thresholds import decode_thresholds, encode_thresholds, shipped_thresholds

DAY = 1_440


def counter(days: int, **alarms: tuple[int, ...]) -> AlarmCounter:
    """A counter of so many days; `alarms` are those of a detector, by factor."""
    found = AlarmCounter()
    found.minutes, found.days = days * DAY, set(range(days))
    found.counts = [Counter({name: numbers[at] for name, numbers in alarms.items()}) for at in range(len(FACTORS))]
    return found


def chosen(found: list[CalibratedDetector], name: str) -> CalibratedDetector:
    return next(each for each in found if each.name == name)


@given(st.lists(st.integers(0, 40), min_size=len(FACTORS), max_size=len(FACTORS)), st.floats(0.1, 5.0))
def test_the_rate_is_kept_with_the_chosen_threshold_and_all_higher_ones(alarms: list[int], wanted: float) -> None:
    alarms[-1] = 0
    months = 60
    found = chosen(calibrate([counter(30 * months, skill_lost=tuple(alarms))], wanted, independent=True), "skill_lost")
    at = FACTORS.index(found.factor or 0.0)
    assert found.alarms == alarms[at]
    assert found.high <= wanted
    assert all(poisson_interval(each)[1] / months <= wanted for each in alarms[at:])
    assert at == 0 or poisson_interval(alarms[at - 1])[1] / months > wanted


def test_detectors_that_count_broken_minutes_keep_their_thresholds() -> None:
    found = calibrate([counter(300, price_frozen=(50,) * len(FACTORS))], 1.0, independent=True)
    assert {each.name for each in found if each.factor is not None} == set(CALIBRATED)
    frozen = chosen(found, "price_frozen")
    assert (frozen.factor, frozen.alarms) == (None, 50)
    assert frozen.low < 5.0 < frozen.high


def test_what_the_candles_cannot_say_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"there are 7 independent blocks of 14 days, and 8 are needed"):
        calibrate([counter(111)], 10.0, independent=True)
    message = r"^3\.7 symbol-months without any alarm show only .* at most 0\.99 a month .* 4 symbol-months or more"
    with pytest.raises(CalibrationError, match=message):
        calibrate([counter(112)], 0.95, independent=True)
    with pytest.raises(CalibrationError, match=r"skill_lost alarms 90 times in 10.0 symbol-months even with 3 times"):
        calibrate([counter(300, skill_lost=(90,) * len(FACTORS))], 1.0, independent=True)


def test_real_coins_of_the_same_days_are_no_independent_blocks() -> None:
    ten = [counter(50) for _ in range(10)]
    assert calibrate(ten, 1.0, independent=True)
    with pytest.raises(CalibrationError, match="there are 3 independent blocks"):
        calibrate(ten, 1.0, independent=False)


def test_the_first_fortnight_after_warming_up_does_not_count() -> None:
    found = AlarmCounter()
    for seen in sound(18 * DAY):
        found.push(scaled(seen, log(2.25), FIRST_MINUTE + 16 * DAY))
    assert found.minutes == 18 * DAY - 15 * DAY - 1
    assert len(found.days) == 3
    assert [count["forecast_biased"] for count in found.counts[:6]] == [1] * 6
    detectors = {"forecast_biased", "forecast_miscalibrated", "forecast_shifted", "skill_lost", "inputs_moved"}
    assert found.counts[0].keys() <= detectors


def test_what_is_written_can_be_used_and_says_its_rates() -> None:
    found = calibrate([counter(MONTH_MINUTES // DAY * 8, inputs_moved=(9, 9, 9, 9, 9, 9, *[0] * 7))], 1.0, independent=True)
    thresholds = decode_thresholds(encode_thresholds(calibrated_thresholds(found, "by a test")))
    shipped = shipped_thresholds().detectors
    moved = thresholds.detectors["inputs_moved"]
    assert moved.threshold == shipped["inputs_moved"].threshold
    assert moved.numbers["rv_3"] == pytest.approx(1.15 * shipped["inputs_moved"].numbers["rv_3"])
    assert thresholds.detectors["skill_lost"].threshold == pytest.approx(FACTORS[0] * shipped["skill_lost"].threshold)
    assert moved.false_alarms_per_month == pytest.approx(poisson_interval(0)[1] / 8, abs=1e-3)


def test_the_factor_one_is_what_is_shipped() -> None:
    same = scaled_thresholds(shipped_thresholds(), 1.0).detectors
    assert {name: (each.threshold, each.numbers) for name, each in same.items()} == {
        name: (each.threshold, each.numbers) for name, each in shipped_thresholds().detectors.items()
    }
