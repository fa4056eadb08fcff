"""The detectors of broken data, each beside the nearest harmless case."""

from collections.abc import Callable, Iterable

import pytest
from msgspec.structs import replace

from tests.volcast.core.drift.streams import FIRST_MINUTE, sound
from volcast.core.drift.data_quality import CandleRepeated, CandlesMissing, PriceFrozen, SuspectPrices, VolumeCollapsed
from volcast.core.drift.detector import Detector
from volcast.core.drift.observation import Observation
from volcast.core.drift.thresholds import DetectorThreshold, shipped_thresholds

DAY = 1_440
BREAK = FIRST_MINUTE + 5 * DAY
NAMES: dict[Callable[[DetectorThreshold], Detector], str] = {
    kind: kind.name for kind in (PriceFrozen, CandleRepeated, CandlesMissing, SuspectPrices, VolumeCollapsed)
}


def delay(kind: Callable[[DetectorThreshold], Detector], stream: Iterable[Observation]) -> int | None:
    """Return in which minute since the break the alarm is on; None if never."""
    detector = kind(shipped_thresholds().detectors[NAMES[kind]])
    for seen in stream:
        detector.push(seen)
        if detector.evidence:
            return seen.minute - BREAK + 1
    return None


def changed(days: int, change: Callable[[Observation], Observation]) -> Iterable[Observation]:
    return (change(seen) if seen.minute >= BREAK else seen for seen in sound(days * DAY))


def with_volume(seen: Observation, factor: float) -> Observation:
    """Return the minute with another volume of its hour."""
    if seen.hour_end is None or seen.hour_end.volume is None:
        return seen
    return replace(seen, hour_end=seen.hour_end._replace(volume=factor * seen.hour_end.volume))


@pytest.mark.parametrize("kind", list(NAMES))
def test_a_sound_feed_is_silent(kind: Callable[[DetectorThreshold], Detector]) -> None:
    assert delay(kind, sound(10 * DAY)) is None


def test_a_frozen_price_is_found_although_volume_goes_on() -> None:
    assert delay(PriceFrozen, changed(6, lambda seen: replace(seen, flat=True))) == 31


def test_a_market_that_often_stands_still_is_given_more_time() -> None:
    """Nine minutes of ten are flat here, in runs of up to 45 minutes."""

    def thin(seen: Observation) -> Observation:
        return replace(seen, flat=seen.minute % 45 > 0)

    assert delay(PriceFrozen, map(thin, sound(40 * DAY))) is not None
    detector = PriceFrozen(shipped_thresholds().detectors["price_frozen"])
    alarms = []
    for seen in map(thin, sound(40 * DAY)):
        detector.push(seen)
        alarms.append(detector.evidence is not None)
    assert not any(alarms[30 * DAY :])


def test_a_repeated_candle_is_found() -> None:
    assert delay(CandleRepeated, changed(6, lambda seen: replace(seen, repeated=True))) == 10
    assert delay(CandleRepeated, changed(6, lambda seen: replace(seen, repeated=seen.minute % 5 > 0))) is None


def test_minutes_that_do_not_concern_a_run_may_be_left_out() -> None:
    """So the monitor does it."""
    every, some = (PriceFrozen(shipped_thresholds().detectors["price_frozen"]) for _ in range(2))
    for seen in changed(9, lambda seen: replace(seen, flat=seen.minute % 50 < 40)):
        every.push(seen)
        if seen.flat or some.length:
            some.push(seen)
        assert (every.evidence is None) == (some.evidence is None)
    assert every.dump()["share"] == pytest.approx(some.dump()["share"])


def test_missing_minutes_and_suspect_prices_are_counted_over_a_day() -> None:
    assert delay(CandlesMissing, changed(6, lambda seen: replace(seen, missing_share=0.06))) == 1
    assert delay(CandlesMissing, changed(6, lambda seen: replace(seen, missing_share=0.04))) is None
    assert delay(SuspectPrices, changed(6, lambda seen: replace(seen, suspect=seen.minute % 60 == 0))) == 301
    assert delay(SuspectPrices, changed(9, lambda seen: replace(seen, suspect=seen.minute % 720 == 0))) is None


def test_a_collapsed_volume_is_found_after_two_hours() -> None:
    assert delay(VolumeCollapsed, changed(6, lambda seen: with_volume(seen, 1 / 200))) == 120
    assert delay(VolumeCollapsed, changed(6, lambda seen: with_volume(seen, 0.0))) == 120
    assert delay(VolumeCollapsed, changed(9, lambda seen: with_volume(seen, 1 / 20))) is None


def test_a_low_volume_that_lasts_becomes_the_usual_one() -> None:
    detector = VolumeCollapsed(shipped_thresholds().detectors["volume_collapsed"])
    on = []
    for seen in changed(30, lambda seen: with_volume(seen, 1 / 200)):
        detector.push(seen)
        on.append(detector.evidence is not None)
    assert any(on)
    assert not on[-1]
