"""Thresholds are plain JSON, and what is not them is refused in a sentence."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from volcast.core.drift.thresholds import Thresholds, ThresholdsError, decode_thresholds, encode_thresholds, shipped_thresholds


def test_the_shipped_ones_say_how_they_were_made_and_how_often_they_are_wrong() -> None:
    shipped = shipped_thresholds()
    assert len(shipped.made) > 100
    assert all(each.false_alarms_per_month is not None for each in shipped.detectors.values())


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff", b'{"made": "x"}', b'{"made": "x", "detectors": {"a": {"treshold": 1}}}', b"[" * 10_000]
)
def test_something_else_is_refused(raw: bytes) -> None:
    with pytest.raises(ThresholdsError, match="these are no thresholds"):
        decode_thresholds(raw)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.pop("skill_lost"), "detectors missing or unknown: skill_lost"),
        (
            lambda found: found["skill_lost"]["numbers"].pop("memory_hours"),
            "skill_lost: numbers missing or unknown: memory_hours",
        ),
        (lambda found: found["skill_lost"]["numbers"].update(lowest=1.0), "skill_lost: numbers with the wrong sign: lowest"),
        (lambda found: found["skill_lost"].update(threshold=0.0), "skill_lost: the threshold must be positive"),
    ],
)
def test_thresholds_that_no_detector_can_use_are_refused(change: Callable[[dict[str, Any]], Any], message: str) -> None:
    found = msgspec.json.decode(encode_thresholds(shipped_thresholds()))
    change(found["detectors"])
    with pytest.raises(ThresholdsError, match=f"^{message}$"):
        decode_thresholds(msgspec.json.encode(found))


def test_the_text_of_thresholds_is_a_fingerprint() -> None:
    shipped = shipped_thresholds()
    other = Thresholds(shipped.made + " And more.", shipped.detectors)
    assert re.fullmatch("[0-9a-f]{8}", str(shipped))
    assert str(shipped) != str(other)
    assert str(decode_thresholds(encode_thresholds(shipped))) == str(shipped)
