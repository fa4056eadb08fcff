"""The thresholds of the drift detectors, and their measured false-alarm rates. `thresholds.json` says how they were made."""

from functools import cache
from importlib.resources import files
from typing import Final
from zlib import crc32

import msgspec
from msgspec import Struct

SHIPPED: Final = "shipped"


class DetectorThreshold(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one detector."""

    threshold: float
    """Above it the alarm begins."""
    numbers: dict[str, float] = {}
    """Other numbers of the detector, by name."""
    false_alarms_per_month: float | None = None
    """At most so many per symbol and month of 30 days, by the measurement that `Thresholds.made` describes; None without one."""


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """The thresholds of all detectors. Their text is a fingerprint, 8 hex digits, for messages."""

    made: str
    """How they were made: data, sizes, date of the measurement."""
    detectors: dict[str, DetectorThreshold]

    def __str__(self) -> str:
        """Return the CRC-32 of the content."""
        return f"{crc32(msgspec.json.encode(self)):08x}"


class ThresholdsError(Exception):
    """Raised for thresholds that cannot be used; the message says why."""


def decode_thresholds(raw: bytes) -> Thresholds:
    """Decode thresholds from JSON.

    Raises ThresholdsError if `raw` is something else, or if detectors and numbers are not those of this version, or not positive.
    """
    try:
        found = msgspec.json.decode(raw, type=Thresholds)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ThresholdsError(f"these are no thresholds of drift detectors: {error}") from error
    known = shipped_thresholds().detectors
    if wrong := sorted(known.keys() ^ found.detectors.keys()):
        raise ThresholdsError(f"detectors missing or unknown: {', '.join(wrong)}")
    for name, detector in found.detectors.items():
        if wrong := sorted(known[name].numbers.keys() ^ detector.numbers.keys()):
            raise ThresholdsError(f"{name}: numbers missing or unknown: {', '.join(wrong)}")
        if wrong := [key for key, value in detector.numbers.items() if (value > 0.0) != (known[name].numbers[key] > 0.0)]:
            raise ThresholdsError(f"{name}: numbers with the wrong sign: {', '.join(wrong)}")
        if detector.threshold <= 0.0:
            raise ThresholdsError(f"{name}: the threshold must be positive")
    return found


def encode_thresholds(thresholds: Thresholds) -> bytes:
    """Encode thresholds as JSON, one value a line."""
    return msgspec.json.format(msgspec.json.encode(thresholds), indent=1) + b"\n"


@cache
def shipped_thresholds() -> Thresholds:
    """Return the thresholds that come with this version."""
    return msgspec.json.decode(files("volcast.core.drift").joinpath("thresholds.json").read_bytes(), type=Thresholds)
