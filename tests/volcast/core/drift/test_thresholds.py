"""Thresholds are plain JSON, and what is not them is refused in a sentence."""

import pytest

from volcast.core.drift.thresholds import ThresholdsError, decode_thresholds, shipped_thresholds


def test_the_shipped_ones_say_how_they_were_made_and_how_often_they_are_wrong() -> None:
    shipped = shipped_thresholds()
    assert len(shipped.made) > 100
    assert all(each.false_alarms_per_month is not None for each in shipped.detectors.values())


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b'{"made": "x"}', b'{"made": "x", "detectors": {"a": {"treshold": 1}}}'])
def test_something_else_is_refused(raw: bytes) -> None:
    with pytest.raises(ThresholdsError, match="these are no thresholds"):
        decode_thresholds(raw)
