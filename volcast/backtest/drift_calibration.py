"""Thresholds of the drift detectors for a wanted rate of alarms, from markets in which every alarm counts as false. Pure.

The detectors that weigh evidence get another threshold: a multiple of the shipped one, the lowest for which the upper end of the
interval of the measured rate is at most the wanted rate, and stays so for all higher ones. Those that count broken minutes have a
threshold that means something by itself, such as 30 minutes; it is kept, and their rate is measured.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace
from scipy.stats import chi2  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.drift.alarms import Tier, begun
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.drift.observation import Observation
from volcast.core.drift.thresholds import DetectorThreshold, Thresholds, shipped_thresholds

FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)
"""Of the shipped thresholds."""
CALIBRATED = ("forecast_shifted", "skill_lost", "forecast_biased", "forecast_miscalibrated", "inputs_moved")
MONTH_MINUTES = 30 * 1_440
INDEPENDENT_DAYS = 14
"""The detectors' memory: days further apart than this are taken as independent. So many days of each symbol do not count."""
MIN_BLOCKS = 8
_TAIL = 0.025


class CalibrationError(Exception):
    """Raised if candles cannot show what is wanted; the message says why, and what would."""


class CalibratedDetector(NamedTuple):
    """A detector's threshold, and the rate of its alarms with it."""

    name: str
    tier: Tier
    factor: float | None
    """Of the shipped threshold; None if the threshold is not calibrated."""
    alarms: int
    shipped_alarms: int
    """With the shipped threshold, on the same candles."""
    low: float
    high: float
    """With `low` the exact Poisson interval of 95 % of the alarms per symbol and month of 30 days."""


class AlarmCounter(DriftMonitor):
    """Counts the alarms of one symbol for each factor, in place of the detectors of its engine.

    The first `INDEPENDENT_DAYS` days after the first warm minute do not count, since the detectors begin with them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[Counter[str]] = [Counter() for _ in FACTORS]
        """By factor: how often each detector's alarm began."""
        self.minutes = 0
        """That count."""
        self.days: set[int] = set()
        """That count, since 1970."""
        self._monitors = [DriftMonitor(scaled_thresholds(self.thresholds, factor)) for factor in FACTORS]
        self._from_minute = 0

    def push(self, seen: Observation) -> None:
        """Add a minute to the detectors of all factors."""
        if seen.warm and not self._from_minute:
            self._from_minute = seen.minute + INDEPENDENT_DAYS * 1_440
        is_counted = 0 < self._from_minute <= seen.minute
        if is_counted:
            self.minutes += 1
            self.days.add(seen.minute // 1_440)
        for monitor, count in zip(self._monitors, self.counts, strict=True):
            before = monitor.alarms
            monitor.push(seen)
            if is_counted and monitor.alarms is not before:
                count.update(alarm.detector for alarm in begun(before, monitor.alarms))


def poisson_interval(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of a Poisson count (Garwood, 1936).

    >>> [round(bound, 2) for bound in poisson_interval(0)]
    [0.0, 3.69]
    """
    low = float(chi2.ppf(_TAIL, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(1.0 - _TAIL, 2 * count + 2)) / 2


def calibrate(counters: Sequence[AlarmCounter], alarms_per_month: float, *, independent: bool) -> list[CalibratedDetector]:
    """Choose the thresholds. `alarms_per_month` is the wanted rate of each detector, per symbol and month of 30 days.

    `independent` says whether the symbols are independent, as simulated ones are; real coins move together, so days count once
    for all of them when blocks are counted. Raises CalibrationError if the candles are too few for the rate, or if a detector
    alarms more often even with the highest threshold.
    """
    months = sum(counter.minutes for counter in counters) / MONTH_MINUTES
    days = [counter.days for counter in counters]
    blocks = (sum(map(len, days)) if independent else len(set[int]().union(*days))) // INDEPENDENT_DAYS
    if blocks < MIN_BLOCKS:
        raise CalibrationError(
            f"there are {blocks} independent blocks of {INDEPENDENT_DAYS} days, and {MIN_BLOCKS} are needed at least; the first "
            f"{INDEPENDENT_DAYS} days of each symbol, and those before it is warm, do not count"
        )
    if (least := poisson_interval(0)[1] / months) > alarms_per_month:
        raise CalibrationError(
            f"{months:.1f} symbol-months without any alarm show only that there are at most {least:.2f} a month (95 %): "
            f"give candles of {poisson_interval(0)[1] / alarms_per_month:.0f} symbol-months or more, or want at least {least:.2f}"
        )
    counts = [sum((counter.counts[at] for counter in counters), Counter[str]()) for at in range(len(FACTORS))]
    return [
        _choose(detector.name, detector.tier, [count[detector.name] for count in counts], months, alarms_per_month)
        for detector in DriftMonitor().detectors
    ]


def _choose(name: str, tier: Tier, counts: Sequence[int], months: float, wanted: float) -> CalibratedDetector:
    at = shipped = FACTORS.index(1.0)
    if name in CALIBRATED:
        at = len(FACTORS)
        while at and poisson_interval(counts[at - 1])[1] / months <= wanted:
            at -= 1
        if at == len(FACTORS):
            raise CalibrationError(
                f"{name} alarms {counts[-1]} times in {months:.1f} symbol-months even with {FACTORS[-1]:g} times its shipped "
                "threshold: look at what happened there with `volcast drift report`, or want more alarms"
            )
    low, high = (bound / months for bound in poisson_interval(counts[at]))
    return CalibratedDetector(name, tier, FACTORS[at] if name in CALIBRATED else None, counts[at], counts[shipped], low, high)


def calibrated_thresholds(found: Sequence[CalibratedDetector], made: str) -> Thresholds:
    """Return the thresholds with their measured rates; `made` says how they were made."""
    shipped = shipped_thresholds()
    detectors = {
        each.name: replace(
            _scaled(each.name, shipped.detectors[each.name], each.factor or 1.0), false_alarms_per_month=round(each.high, 3)
        )
        for each in found
    }
    return Thresholds(made, detectors)


def scaled_thresholds(thresholds: Thresholds, factor: float) -> Thresholds:
    """Return the thresholds with those that are calibrated multiplied, without measured rates."""
    return Thresholds(
        thresholds.made,
        {
            name: replace(_scaled(name, each, factor if name in CALIBRATED else 1.0), false_alarms_per_month=None)
            for name, each in thresholds.detectors.items()
        },
    )


def _scaled(name: str, settings: DetectorThreshold, factor: float) -> DetectorThreshold:
    """Multiply a threshold; of the moved inputs, those of the single inputs: their share keeps its meaning."""
    if name == "inputs_moved":
        return replace(settings, numbers={key: factor * value for key, value in settings.numbers.items()})
    return replace(settings, threshold=factor * settings.threshold)
