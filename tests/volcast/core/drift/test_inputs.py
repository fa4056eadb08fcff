"""The share of inputs that drift: small without a break, large after one, and back once the new values are usual."""

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from tests.volcast.core.drift.streams import FIRST_MINUTE, quantiles, sound
from volcast.core.arrays import Floats
from volcast.core.drift.inputs import MONITORED, InputDrift
from volcast.core.drift.observation import HourEnd
from volcast.core.drift.thresholds import shipped_thresholds
from volcast.core.market.features import FEATURE_NAMES


def ratios(days: int, shift: Callable[[int], float], rhythm: float = 0.0) -> list[float]:
    """Return the ratio at the end of each hour; `shift` is added to all features on a day, `rhythm` is their daily swing."""
    first = next(iter(sound(1)))
    detector, rng, found = InputDrift(shipped_thresholds().detectors["inputs_moved"]), np.random.default_rng(3), []
    for hour in range(24 * days):
        swing = rhythm * np.sin(2 * np.pi * hour / 24)
        features: Floats = rng.normal(size=len(FEATURE_NAMES)) + shift(hour // 24) + swing
        minute = FIRST_MINUTE + 60 * hour + 59
        detector.push(replace(first, minute=minute, warm=True, hour_end=HourEnd(None, features.tolist(), quantiles(0.0))))
        found.append(detector.ratio)
    return found


def test_a_daily_rhythm_is_no_drift() -> None:
    assert np.mean(ratios(60, lambda _: 0.0, rhythm=5.0)[24 * 20 :]) < 0.05


def test_a_shift_is_seen_within_two_days_and_becomes_usual_within_two_months() -> None:
    found = ratios(120, lambda day: 4.0 * (day >= 40))
    assert max(found[: 24 * 40]) <= 3 / len(MONITORED)
    assert found[24 * 42] > 0.9
    assert max(found[-24 * 10 :]) <= 3 / len(MONITORED)


def test_nothing_is_said_in_the_first_week() -> None:
    assert max(ratios(7, lambda day: 10.0 * day)) == 0.0
