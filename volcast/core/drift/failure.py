"""The fast detectors of gross failure: a forecast that stands still, and one that is suddenly at another level.

Both need a suspicion that costs nothing and is nearly never wrong, and then a confirmation. A forecast moves every minute, since
all of its features do; so one that stays the same while the price moves is broken. A forecast rises at once only if its candle is
large, and never falls at once, but for scheduled news; so an unexplained step is suspect. It is confirmed if the forecast's
distance from a reference, which reads the candles alone, stays shifted, and if the outcomes do not say that the step was right.
"""

from collections import deque
from math import exp, log, sqrt
from typing import Any, ClassVar, Final

from .alarms import Evidence, Tier
from .detector import dump_evidence, load_evidence
from .observation import Observation
from .thresholds import DetectorThreshold

_BLOCK_MINUTES: Final = 10
_BLOCKS: Final = 6
_DISTRUST_MINUTES: Final = 180
_USUAL_RESIDUAL: Final = -0.2
_USUAL_SPREAD: Final = 0.36
"""Mean and variance of log RV - log forecast, before anything is known of the forecasts."""
_MAX_LOG_LIKELIHOOD: Final = 8.0
"""Of a step's outcomes, so that an alarm ends within hours of the forecast's recovery."""


class ForecastStill:
    """The forecast stays the same while the price moves: it is frozen, or stuck at a bound.

    The statistic is the number of minutes in which the close moved while the log variance stayed within `tolerance`.
    """

    __slots__ = ("_anchor", "_moves", "_threshold", "_tolerance", "evidence")
    name: ClassVar[str] = "forecast_still"
    tier: ClassVar[Tier] = Tier.PAGE
    what = "The forecast stands still while the price moves."
    quantity = "log of the forecast variance, at the beginning and now"

    def __init__(self, settings: DetectorThreshold) -> None:
        self.evidence: Evidence | None = None
        self._threshold = settings.threshold
        self._tolerance = settings.numbers["tolerance"]
        self._anchor = self._moves = 0.0

    def forget(self) -> None:
        """Start anew, as another model makes the forecasts from now on."""
        self._anchor, self._moves, self.evidence = 0.0, 0.0, None

    def push(self, seen: Observation) -> None:
        """Add a minute."""
        if not seen.warm or abs(seen.log_variance - self._anchor) > self._tolerance:
            self._anchor, self._moves, self.evidence = seen.log_variance, 0.0, None
            return
        self._moves = min(self._moves + seen.moved, 2 * self._threshold)
        if self.evidence is None and self._moves > self._threshold:
            self.evidence = Evidence(self._moves, self._threshold, self._anchor, seen.log_variance)

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers."""
        return {"numbers": [self._anchor, self._moves], "evidence": dump_evidence(self.evidence)}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._anchor, self._moves = map(float, state["numbers"])
        self.evidence = load_evidence(state["evidence"])


class _Step:
    """A suspect step of the forecast, until it is confirmed or forgotten."""

    __slots__ = ("before", "log_likelihood", "minute", "residual", "size")

    def __init__(self, minute: int, size: float, before: float, residual: float, log_likelihood: float = 0.0) -> None:
        self.minute = minute
        self.size = size
        """Of the step, in log variance."""
        self.before = before
        """The mean distance from the reference in the hour before."""
        self.residual = residual
        """The usual log RV - log forecast before."""
        self.log_likelihood = log_likelihood
        """Of the outcomes since then: that the step was wrong, against that it was right."""

    def dump(self) -> list[float]:
        return [float(self.minute), self.size, self.before, self.residual, self.log_likelihood]


class ForecastShifted:
    """The forecast made a step that nothing explains, and the minutes and outcomes since then say that it was wrong.

    The statistic is a log likelihood ratio, that the step was wrong against that it was right, of two things: the change of the
    forecast's distance from the reference, between the hour before the step and the last hour, and each log RV - log forecast
    since then, with its usual mean and variance. It is judged every ten minutes from `settle_hours` on, and a step is forgotten
    after `forget_hours`. Smaller steps are left to the slow detectors: a sound forecast makes several a day.

    References: A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16 (1945).
    """

    __slots__ = (
        "_blocks",
        "_clear_minutes",
        "_count",
        "_distance_variance",
        "_distrusted_until",
        "_fall",
        "_forget_minutes",
        "_found",
        "_log_variance",
        "_max_range",
        "_max_steps",
        "_max_volume",
        "_minute",
        "_release_weight",
        "_residual",
        "_rise",
        "_settle_minutes",
        "_spread",
        "_steps",
        "_sum",
        "_threshold",
        "_volume",
        "evidence",
    )
    name: ClassVar[str] = "forecast_shifted"
    tier: ClassVar[Tier] = Tier.PAGE
    what = "The forecast has shifted in one minute, no candle explains it, and outcomes do not bear it out."
    quantity = "log of forecast variance / reference variance, mean of an hour"

    def __init__(self, settings: DetectorThreshold) -> None:
        numbers = settings.numbers
        self.evidence: Evidence | None = None
        self._threshold = settings.threshold
        self._rise, self._fall = numbers["smallest_rise"], numbers["smallest_fall"]
        self._max_range, self._max_volume = numbers["explained_by_range"], numbers["explained_by_volume"]
        self._distance_variance = numbers["distance_variance"]
        self._settle_minutes, self._forget_minutes = numbers["settle_hours"] * 60, numbers["forget_hours"] * 60
        self._max_steps, self._clear_minutes = int(numbers["max_steps"]), numbers["clear_days"] * 1_440
        self._minute = -2
        self._distrusted_until = 0
        self._log_variance = self._release_weight = 0.0
        self._volume = 0.0
        self._blocks: deque[float] = deque(maxlen=_BLOCKS)
        self._sum, self._count = 0.0, 0
        self._residual, self._spread = _USUAL_RESIDUAL, _USUAL_SPREAD
        """The usual mean and variance of log RV - log forecast."""
        self._steps: list[_Step] = []
        self._found: _Step | None = None

    def forget(self) -> None:
        """Start anew, as another model makes the forecasts from now on. What is known of the data stays known."""
        self._minute, self._log_variance, self._release_weight = -2, 0.0, 0.0
        self._blocks.clear()
        self._sum, self._count = 0.0, 0
        self._residual, self._spread = _USUAL_RESIDUAL, _USUAL_SPREAD
        self._steps, self._found, self.evidence = [], None, None

    def push(self, seen: Observation) -> None:
        """Add a minute."""
        minute, log_variance, release_weight, volume = seen.minute, seen.log_variance, seen.release_weight, self._volume
        step = log_variance - self._log_variance
        if (step > self._rise or -step > self._fall) and minute == self._minute + 1 and seen.warm:
            self._suspect(seen, step)
        self._volume = volume + (seen.volume - volume) / 60 if volume else seen.volume
        self._minute, self._log_variance, self._release_weight = minute, log_variance, release_weight
        if not release_weight:
            self._sum += log_variance - seen.log_reference
            self._count += 1
        if minute % _BLOCK_MINUTES == _BLOCK_MINUTES - 1:
            self._end_block(seen)

    def _end_block(self, seen: Observation) -> None:
        """Weigh the outcome of a block's last minute, and judge the steps."""
        outcome = seen.outcome
        if seen.warm and outcome is not None and outcome.realized_variance > 0.0:
            residual = log(outcome.realized_variance) - log(outcome.prediction.variance)
            self._weigh(seen.minute - seen.horizon_minutes, residual, seen.horizon_minutes)
        if self._count:
            self._blocks.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0
            self._judge(seen.minute)

    def distrust_data(self, minute: int) -> None:
        """Take note that the data is broken in this minute: what the forecast makes of it is not its fault, nor soon after."""
        self._distrusted_until = minute + _DISTRUST_MINUTES
        self._steps = []

    def distrust_next(self, minute: int) -> None:
        """Take note that a price of this minute is suspect. The next minute may take in a price that stayed, jump and all."""
        self._distrusted_until = max(self._distrusted_until, minute + 1)

    def _suspect(self, seen: Observation, size: float) -> None:
        """Keep a step if neither scheduled news nor the candle explains it, and the data was sound."""
        is_unknown = len(self._blocks) < _BLOCKS or seen.minute <= self._distrusted_until
        if seen.release_weight != self._release_weight or seen.suspect or is_unknown:
            return
        if size > 0.0:
            sigma = sqrt(exp(self._log_variance) / seen.horizon_minutes)
            if seen.relative_range > self._max_range * sigma or seen.volume > self._max_volume * self._volume:
                return
        self._steps.append(_Step(seen.minute, size, sum(self._blocks) / _BLOCKS, self._residual))
        if len(self._steps) > self._max_steps:
            self._steps.remove(min(self._steps, key=lambda step: abs(step.size)))

    def _weigh(self, made_minute: int, residual: float, horizon_minutes: int) -> None:
        """Let an outcome count for or against the steps before its forecast; overlapping outcomes count in part."""
        weight = min(_BLOCK_MINUTES / horizon_minutes, 1.0)
        for step in self._steps if self._found is None else [self._found]:
            if step.minute <= made_minute:
                surprise = min(max(residual - step.residual, -2.0), 2.0)
                step.log_likelihood -= weight * step.size * (surprise + step.size / 2) / self._spread
                step.log_likelihood = min(step.log_likelihood, _MAX_LOG_LIKELIHOOD)
        surprise = residual - self._residual
        if self._found is None:
            gain = weight / 48.0
            self._residual += gain * min(max(surprise, -2.0), 2.0)
            self._spread += gain * (min(surprise * surprise, 4.0) - self._spread)

    def _judge(self, minute: int) -> None:
        after = sum(self._blocks) / len(self._blocks)
        found = self._found
        if found is not None:
            if minute - found.minute > self._clear_minutes or self._statistic(found, after) < 0.0:
                self._found, self.evidence, self._steps = None, None, []
            return
        if not self._steps:
            return
        self._steps = [step for step in self._steps if minute - step.minute <= self._forget_minutes]
        settled = [step for step in self._steps if minute - step.minute >= self._settle_minutes]
        for step in settled:
            statistic = self._statistic(step, after)
            if statistic > self._threshold:
                self._found, self.evidence = step, Evidence(statistic, self._threshold, step.before, after)
                return

    def _statistic(self, step: _Step, after: float) -> float:
        """Return the log likelihood ratio, that the step was wrong against that it was right."""
        return step.log_likelihood + step.size * (after - step.before - step.size / 2) / self._distance_variance

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {
            "numbers": [self._log_variance, self._release_weight, self._volume, self._sum, self._residual, self._spread],
            "counts": [self._minute, self._count, self._distrusted_until],
            "blocks": list(self._blocks),
            "steps": [step.dump() for step in self._steps],
            "found": None if self._found is None else self._found.dump(),
            "evidence": dump_evidence(self.evidence),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._log_variance, self._release_weight, self._volume, self._sum, self._residual, self._spread = map(
            float, state["numbers"]
        )
        self._minute, self._count, self._distrusted_until = map(int, state["counts"])
        self._blocks = deque(map(float, state["blocks"]), maxlen=_BLOCKS)
        self._steps = [_load_step(each) for each in state["steps"]]
        self._found = None if state["found"] is None else _load_step(state["found"])
        self.evidence = load_evidence(state["evidence"])


def _load_step(state: list[float]) -> _Step:
    minute, *numbers = state
    return _Step(int(minute), *map(float, numbers))
