"""Alarms: which have begun between two signals, and that none is written that is not whole."""

from math import nan

import pytest
from msgspec.structs import replace

from tests.notify import signal
from volcast.core.codec import decode_signal, encode_signal
from volcast.core.drift.alarms import DriftAlarm, Tier, begun
from volcast.core.forecast.whole import NotWholeError


def alarm(detector: str = "price_frozen", open_time_ms: int = 60_000) -> DriftAlarm:
    return DriftAlarm(detector, Tier.PAGE, open_time_ms, "what", "quantity", 0.0, 1.0, 31.0, 30.0, None)


def test_what_begins_and_ends_is_the_difference_of_two_signals() -> None:
    first, other, again = alarm(), alarm("skill_lost"), alarm(open_time_ms=120_000)
    assert begun((), (first,)) == [first]
    assert begun((first,), (first, other)) == [other]
    assert begun((first, other), (other,)) == []
    assert begun((other,), (first, other)) == [first]
    assert begun((first,), (again,)) == [again]


def test_alarms_travel_with_the_signal() -> None:
    sent = signal(drift_alarms=(alarm(),), data_drift_ratio=0.25)
    assert decode_signal(encode_signal(sent)) == sent


def test_an_alarm_that_is_not_whole_is_not_written() -> None:
    with pytest.raises(NotWholeError, match="its after is nan"):
        encode_signal(signal(drift_alarms=(replace(alarm(), after=nan),)))
