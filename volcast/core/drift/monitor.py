"""All drift detectors of one symbol: an observation in; the alarms that are on are an attribute.

Not compiled: tests and benches extend it, to see what the detectors are shown.
"""

from typing import Any, Literal

from volcast.core.types import MINUTE_MS

from .alarms import DriftAlarm
from .calibration import ForecastMiscalibrated
from .data_quality import CandleRepeated, CandlesMissing, PriceFrozen, SuspectPrices, VolumeCollapsed
from .detector import AnyDetector, Detector, OutcomeDetector
from .failure import ForecastShifted, ForecastStill
from .inputs import InputDrift
from .observation import Observation
from .outcomes import OutcomeGrid
from .skill import score_detectors
from .thresholds import SHIPPED, Thresholds, shipped_thresholds


class DriftMonitor:
    """The detectors of one symbol. The state is bounded, and a function of the observations and the thresholds alone.

    Args:
        thresholds: `shipped` for those that come with this version. Raises KeyError or ValueError if they do not fit.
    """

    def __init__(self, thresholds: Thresholds | Literal["shipped"] = SHIPPED) -> None:
        self.thresholds = shipped_thresholds() if thresholds == SHIPPED else thresholds
        self.alarms: tuple[DriftAlarm, ...] = ()
        """The alarms that are on."""
        self.data_drift_ratio = 0.0
        """The share of the monitored inputs that drift now, 0 to 1."""
        settings = self.thresholds.detectors
        self._frozen = PriceFrozen(settings[PriceFrozen.name])
        self._repeated = CandleRepeated(settings[CandleRepeated.name])
        self._missing = CandlesMissing(settings[CandlesMissing.name])
        self._suspect = SuspectPrices(settings[SuspectPrices.name])
        self._volume = VolumeCollapsed(settings[VolumeCollapsed.name])
        self._still = ForecastStill(settings[ForecastStill.name])
        self._shifted = ForecastShifted(settings[ForecastShifted.name])
        self._inputs = InputDrift(settings[InputDrift.name])
        miscalibrated = ForecastMiscalibrated(settings[ForecastMiscalibrated.name])
        self._by_outcome: tuple[OutcomeDetector, ...] = (*score_detectors(self.thresholds), miscalibrated)
        by_minute = (self._frozen, self._repeated, self._missing, self._suspect, self._volume, self._still, self._shifted)
        self.detectors: tuple[AnyDetector, ...] = (*by_minute, self._inputs, *self._by_outcome)
        """All detectors; those whose alarm is on have `evidence`."""
        self._grid = OutcomeGrid()
        self._is_data_watched = False

    def push(self, seen: Observation) -> None:
        """Add a minute, and update `alarms`. Detectors that it does not concern are not asked: this is done for every candle."""
        still, shifted = self._still, self._shifted
        was_still, was_shifted = still.evidence, shifted.evidence
        is_changed = False
        if seen.flat or seen.repeated or seen.suspect or seen.missing_share or self._is_data_watched:
            is_changed = self._push_data(seen)
        still.push(seen)
        shifted.push(seen)
        if seen.hour_end or seen.minute == self._grid.due_minute:
            is_changed |= self._push_slow(seen)
        if is_changed or still.evidence is not was_still or shifted.evidence is not was_shifted:
            self._update(seen.minute * MINUTE_MS)

    def forget_forecast(self) -> None:
        """Start anew with all that is judged by the forecasts, as another model makes them from now on; what is known of the data
        and the inputs stays.

        The step between the two models' forecasts is no failure, and the old one's mistakes are not the new one's.
        """
        self._still.forget()
        self._shifted.forget()
        for each in self._by_outcome:
            each.forget()
        self._grid.forget()
        self.alarms = tuple(alarm for alarm in self.alarms if self._is_on(alarm.detector))

    def _is_on(self, name: str) -> bool:
        return any(detector.name == name and detector.evidence is not None for detector in self.detectors)

    def _push_slow(self, seen: Observation) -> bool:
        """Add the end of an hour, or a minute with an outcome that counts. Return whether an alarm has changed."""
        is_changed = False
        if seen.hour_end:
            is_changed = _push(self._volume, seen) | _push(self._inputs, seen)
            self.data_drift_ratio = self._inputs.ratio
        if scored := self._grid.push(seen):
            for each in self._by_outcome:
                before = each.evidence
                each.push(scored)
                is_changed |= each.evidence is not before
        return is_changed

    def _push_data(self, seen: Observation) -> bool:
        """Add a minute to the detectors of broken data, which few minutes concern. Return whether an alarm has changed."""
        is_changed = _push(self._frozen, seen) | _push(self._repeated, seen)
        is_changed |= _push(self._missing, seen) | _push(self._suspect, seen)
        if self._frozen.evidence or self._repeated.evidence:
            self._shifted.distrust_data(seen.minute)
        if seen.suspect:
            self._shifted.distrust_next(seen.minute)
        self._is_data_watched = self._needs_data()
        return is_changed

    def _needs_data(self) -> bool:
        """Return whether any next minute concerns a detector of broken data: a run or an alarm may end with it."""
        return bool(self._frozen.length or self._repeated.length or self._missing.share or self._suspect.evidence)

    def _update(self, open_time_ms: int) -> None:
        began = {alarm.detector: alarm.open_time_ms for alarm in self.alarms}
        self.alarms = tuple(
            self._alarm(detector, began.get(detector.name, open_time_ms)) for detector in self.detectors if detector.evidence
        )

    def _alarm(self, detector: AnyDetector, began_ms: int) -> DriftAlarm:
        if detector.evidence is None:
            raise ValueError(f"{detector.name} is off")
        statistic, threshold, before, after = detector.evidence
        return DriftAlarm(
            detector=detector.name,
            tier=detector.tier,
            open_time_ms=began_ms,
            what=detector.what,
            quantity=detector.quantity,
            before=before,
            after=after,
            statistic=statistic,
            threshold=threshold,
            false_alarms_per_month=self.thresholds.detectors[detector.name].false_alarms_per_month,
        )

    def dump(self) -> dict[str, Any]:
        """Return the state: plain numbers and lists, and raw arrays."""
        return {
            "grid": self._grid.dump(),
            "began": {alarm.detector: alarm.open_time_ms for alarm in self.alarms},
            **{detector.name: detector.dump() for detector in self.detectors},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._grid.load(state["grid"])
        for detector in self.detectors:
            detector.load(state[detector.name])
        self._is_data_watched = self._needs_data()
        self.data_drift_ratio = self._inputs.ratio
        self.alarms = tuple(
            self._alarm(detector, int(state["began"][detector.name])) for detector in self.detectors if detector.evidence
        )


def _push(detector: Detector, seen: Observation) -> bool:
    """Add a minute. Return whether the alarm has begun or ended with it."""
    before = detector.evidence
    detector.push(seen)
    return detector.evidence is not before
