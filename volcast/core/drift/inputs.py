"""The detector of moved inputs: how many of twelve ratios, which the forecast is made from, are away from their usual values.

Features are persistent and have a daily rhythm, so a test that takes minutes for independent samples finds drift every day. Each
ratio is read once an hour, its usual value at that hour of the day is taken off, and the mean of a day is compared, in
standard deviations of the hours, with what is usual in blocks of real history: see `thresholds.json`.
"""

from typing import Any, ClassVar, Final

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.market.features import FEATURE_NAMES

from .alarms import Evidence, Tier
from .detector import dump_evidence, load_evidence
from .observation import Observation
from .thresholds import DetectorThreshold

MONITORED = (
    "rv_3",
    "rv_30",
    "rv_240",
    "rv_1440",
    "rv_10080",
    "gk_30",
    "gk_1440",
    "abs_30",
    "abs_1440",
    "flat_240",
    "vol_240",
    "vol_1440",
)
"""Names in `FEATURE_NAMES`: ratios of recent to earlier volatility and volume, and of estimators of volatility to each other."""
_AT: Final = np.array([FEATURE_NAMES.index(name) for name in MONITORED])
_HOURS: Final = 24
_USUAL_DAYS, _SPREAD_HOURS = 30, 720
_FIRST_DAYS: Final = 7
_MIN_VARIANCE: Final = 1e-6


class InputDrift:
    """The share of monitored ratios that drift. The alarm is on above the threshold, and ends at half of it.

    `settings.numbers` holds a threshold for each ratio, on |mean of a day| in standard deviations of the hours.
    """

    name: ClassVar[str] = "inputs_moved"
    tier: ClassVar[Tier] = Tier.INFO
    what = "Inputs of the forecast are far from their usual values."
    quantity = "share of the monitored inputs that drift"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self.ratio = 0.0
        """`data_drift_ratio`: the share of the ratios that drift now, 0 to 1; 0 in the first days."""
        self._threshold = settings.threshold
        self._limits = np.array([settings.numbers[name] for name in MONITORED])
        self._usual: Floats = np.zeros((_HOURS, len(MONITORED)))
        self._visits = [0] * _HOURS
        self._variance: Floats = np.zeros(len(MONITORED))
        self._day: Floats = np.zeros(len(MONITORED))
        self._hours = 0

    def push(self, seen: Observation) -> None:
        """Add a minute; the last of each hour counts."""
        if seen.hour_end is None or not seen.warm:
            return
        hour = seen.minute // 60 % _HOURS
        visits, usual = self._visits[hour], self._usual[hour]
        deviations = np.array(seen.hour_end.features)[_AT] - usual
        count = self._visits[hour] = min(visits + 1, _USUAL_DAYS)
        usual += deviations / count
        if not visits:
            return
        hours = self._hours = min(self._hours + 1, _SPREAD_HOURS)
        self._day += (deviations - self._day) / min(hours, _HOURS)
        self._variance += (deviations * deviations - self._variance) / hours
        if hours < _FIRST_DAYS * _HOURS:
            return
        before, self.ratio = self.ratio, int(np.count_nonzero(self.scores > self._limits)) / len(MONITORED)
        if self.evidence is None and self.ratio > self._threshold:
            self.evidence = Evidence(self.ratio, self._threshold, before, self.ratio)
        elif self.ratio <= self._threshold / 2:
            self.evidence = None

    @property
    def scores(self) -> Floats:
        """The |mean of a day| of each ratio's deviation, in standard deviations of the hours; `MONITORED` has their order."""
        return np.abs(self._day) / np.sqrt(np.maximum(self._variance, _MIN_VARIANCE))

    def dump(self) -> dict[str, Any]:
        """Return the state: plain numbers and raw arrays (float64, little-endian, C order)."""
        return {
            "usual": self._usual.tobytes(),
            "visits": list(self._visits),
            "variance": self._variance.tobytes(),
            "day": self._day.tobytes(),
            "hours": self._hours,
            "ratio": self.ratio,
            "evidence": dump_evidence(self.evidence),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        if len(state["visits"]) != _HOURS:
            raise ValueError(f"visits of {_HOURS} hours are needed")
        self._usual = np.frombuffer(state["usual"]).reshape(_HOURS, len(MONITORED)).copy()
        self._visits = [int(each) for each in state["visits"]]
        self._variance = np.frombuffer(state["variance"]).reshape(len(MONITORED)).copy()
        self._day = np.frombuffer(state["day"]).reshape(len(MONITORED)).copy()
        self._hours, self.ratio = int(state["hours"]), float(state["ratio"])
        self.evidence = load_evidence(state["evidence"])
