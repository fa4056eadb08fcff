"""All drift detectors of one symbol: an observation in, the events that begin or end with it out."""

from typing import Any

from volcast.core.types import MINUTE_MS

from .data_quality import CandleRepeated, CandlesMissing, PriceFrozen, SuspectPrices, VolumeCollapsed
from .events import Detector, DriftEvent, Evidence
from .failure import ForecastShifted, ForecastStill
from .inputs import InputDrift
from .observation import Observation
from .skill import OutcomeGrid, ScoreDetector, score_detectors
from .thresholds import Thresholds, shipped_thresholds


class DriftMonitor:
    """The detectors of one symbol. The state is bounded, and a function of the observations and the thresholds alone.

    Args:
        interval_level: Probability of the forecast's interval.
        thresholds: None for those that come with this version. Raises KeyError if a detector has none.
    """

    def __init__(self, interval_level: float = 0.9, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or shipped_thresholds()
        settings = self.thresholds.detectors
        self.inputs = InputDrift(settings[InputDrift.name])
        self._broken_data: tuple[Detector, ...] = (
            PriceFrozen(settings[PriceFrozen.name]),
            CandleRepeated(settings[CandleRepeated.name]),
        )
        self._shifted = ForecastShifted(settings[ForecastShifted.name])
        self._by_minute: tuple[Detector, ...] = (
            *self._broken_data,
            CandlesMissing(settings[CandlesMissing.name]),
            SuspectPrices(settings[SuspectPrices.name]),
            VolumeCollapsed(settings[VolumeCollapsed.name]),
            ForecastStill(settings[ForecastStill.name]),
            self._shifted,
            self.inputs,
        )
        self._by_outcome = score_detectors(self.thresholds, interval_level)
        self.detectors: tuple[Detector | ScoreDetector, ...] = (*self._by_minute, *self._by_outcome)
        """All detectors; those whose alarm is on have `evidence`."""
        self._grid = OutcomeGrid()
        self._on: dict[str, Evidence] = {}

    @property
    def data_drift_ratio(self) -> float:
        """The share of the monitored inputs that drift now, 0 to 1."""
        return self.inputs.ratio

    def push(self, seen: Observation) -> list[DriftEvent]:
        """Add a minute. Return the events that begin or end with it, which is nearly always none."""
        for detector in self._by_minute:
            detector.push(seen)
        if any(detector.evidence for detector in self._broken_data):
            self._shifted.distrust_data(seen.minute)
        if scored := self._grid.push(seen):
            for each in self._by_outcome:
                each.push(scored)
        return [
            self._event(detector, seen.minute)
            for detector in self.detectors
            if (detector.evidence is None) == (detector.name in self._on)
        ]

    def _event(self, detector: Detector | ScoreDetector, minute: int) -> DriftEvent:
        evidence = detector.evidence
        if evidence is None:
            shown = self._on.pop(detector.name)
        else:
            shown = self._on[detector.name] = evidence
        return DriftEvent(
            minute * MINUTE_MS,
            detector.tier,
            detector.name,
            evidence is not None,
            detector.what,
            detector.quantity,
            *shown,
            self.thresholds.detectors[detector.name].false_alarms_per_month,
        )

    def dump(self) -> dict[str, Any]:
        """Return the state: plain numbers and lists, and raw arrays."""
        return {"grid": self._grid.dump(), **{detector.name: detector.dump() for detector in self.detectors}}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._grid.load(state["grid"])
        for detector in self.detectors:
            detector.load(state[detector.name])
        self._on = {detector.name: detector.evidence for detector in self.detectors if detector.evidence is not None}
