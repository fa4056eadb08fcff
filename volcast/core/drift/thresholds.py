"""The thresholds of the drift detectors, and their measured false-alarm rates. `thresholds.json` says how they were made."""

from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct


class DetectorThreshold(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one detector."""

    threshold: float
    """Above it the alarm begins."""
    numbers: dict[str, float] = {}
    """Other numbers of the detector, by name."""
    false_alarms_per_month: float | None = None
    """At most so many per symbol and month of 30 days, by the measurement that `Thresholds.made` describes; None without one."""


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """The thresholds of all detectors."""

    made: str
    """How they were made: data, sizes, date of the measurement."""
    detectors: dict[str, DetectorThreshold]


class ThresholdsError(Exception):
    """Raised for thresholds that cannot be used; the message says why."""


def decode_thresholds(raw: bytes) -> Thresholds:
    """Decode thresholds from JSON. Raises ThresholdsError if `raw` is something else."""
    try:
        return msgspec.json.decode(raw, type=Thresholds)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ThresholdsError(f"these are no thresholds of drift detectors: {error}") from error


@cache
def shipped_thresholds() -> Thresholds:
    """Return the thresholds that come with this version."""
    return decode_thresholds(files("volcast.core.drift").joinpath("thresholds.json").read_bytes())
