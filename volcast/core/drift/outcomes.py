"""Outcomes that do not overlap, placed in the distribution that was forecast for them.

One outcome counts per hour, or per horizon if that is longer. Its forecast is kept when it is made, so that the outcome can be
placed in the forecast's own distribution: a normal score is 0 at the median, and ±1.645 at the bounds of an interval of 90 %.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import log, sqrt
from typing import Any, Final, NamedTuple

from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.learner import ResolvedForecast
from volcast.core.market.clock import HOUR_MINUTES

from .observation import Observation

_MAX_RATIO: Final = 1e20
"""Of a realized variance to its forecast: a loss is finite."""
_TINY: Final = 1e-12
"""A volatility has a logarithm; a horizon without any move has none."""


class ScoredOutcome(NamedTuple):
    """An outcome beside its forecast. Scores are standard normal if the forecast's distribution is right."""

    loss_gap: float
    """QLIKE of the forecast less that of the baseline; negative if the forecast is better."""
    volatility_score: float
    """The normal score of the realized volatility in the distribution that was forecast."""
    return_score: float
    """That of the log return."""


class OutcomeGrid:
    """Selects outcomes that do not overlap, and scores them. The state is the one forecast that is waiting."""

    def __init__(self) -> None:
        self.due_minute = 0
        """When the outcome of the forecast that is waiting is known. Other minutes may be left out, but for ends of hours."""
        self._waiting: Quantiles | None = None
        self._levels: tuple[float, ...] = ()
        self._scores: list[float] = []
        """Normal quantiles of `_levels`."""

    def push(self, seen: Observation) -> ScoredOutcome | None:
        """Return the outcome that counts with this minute; None if there is none."""
        scored = None
        if seen.minute >= self.due_minute and (waiting := self._waiting):
            self._waiting = None
            if seen.minute == self.due_minute and seen.outcome is not None:
                scored = self._score(seen.outcome, waiting)
        if seen.hour_end and seen.warm and (seen.minute + 1) % _step_minutes(seen.horizon_minutes) == 0:
            self.due_minute, self._waiting = seen.minute + seen.horizon_minutes, seen.hour_end.quantiles
        return scored

    def forget(self) -> None:
        """Drop the forecast that is waiting, as it is another model's than the outcomes that come."""
        self.due_minute, self._waiting = 0, None

    def _score(self, outcome: ResolvedForecast, quantiles: Quantiles) -> ScoredOutcome | None:
        """Score an outcome; None if the price never moved."""
        variance = outcome.realized_variance
        if not variance > 0.0:
            return None
        if quantiles.levels is not self._levels:
            self._levels, self._scores = quantiles.levels, ndtri(quantiles.levels).tolist()
        return ScoredOutcome(
            _loss(variance / outcome.prediction.variance) - _loss(variance / outcome.variance_ewma),
            normal_score(sqrt(variance), self._scores, quantiles.realized_volatility, by_log=True),
            normal_score(outcome.log_return, self._scores, quantiles.log_return),
        )

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        waiting = self._waiting and [self._waiting.levels, self._waiting.log_return, self._waiting.realized_volatility]
        return {"due_minute": self.due_minute, "waiting": waiting and list(map(list, waiting))}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.due_minute, self._waiting = int(state["due_minute"]), None
        if state["waiting"] is not None:
            levels, log_return, volatility = (tuple(map(float, each)) for each in state["waiting"])
            if not len(levels) == len(log_return) == len(volatility) or len(levels) < 3:  # noqa: PLR2004  an interval and a median
                raise ValueError("a distribution has at least three quantiles, each with its level")
            self._waiting = Quantiles(levels, log_return, (), (), volatility)


def normal_score(outcome: float, scores: Sequence[float], values: Sequence[float], *, by_log: bool = False) -> float:
    """Return Φ⁻¹(F(outcome)), where F has these quantiles `values`, at least two, at the levels Φ(`scores`); both are ascending.

    It is linear in the outcome, or in its logarithm, between quantiles, and beyond the outermost ones as between the last two.
    Of an outcome at which several quantiles are equal, it is that of the middle.

    >>> [round(normal_score(x, (-1.6, 0.0, 1.6), (1.0, 2.0, 4.0)), 3) for x in (1.0, 2.0, 3.0, 5.0)]
    [-1.6, 0.0, 0.8, 2.4]
    >>> normal_score(2.0, (-1.0, 0.0, 0.5), (2.0, 2.0, 3.0))
    -0.5
    """
    at = bisect_left(values, outcome)
    if at < len(values) and values[at] == outcome:
        return (scores[at] + scores[bisect_right(values, outcome) - 1]) / 2
    at = min(max(at, 1), len(values) - 1)
    low, high = values[at - 1], values[at]
    if high <= low:  # outside, beside quantiles that are equal: no slope is known
        return scores[0] if outcome < low else scores[-1]
    if by_log:
        outcome, low, high = log(max(outcome, _TINY)), log(max(low, _TINY)), log(max(high, _TINY))
    return scores[at - 1] + (outcome - low) / max(high - low, _TINY) * (scores[at] - scores[at - 1])


def _loss(ratio: float) -> float:
    """Return QLIKE of a realized variance over its forecast."""
    return min(ratio, _MAX_RATIO) - log(ratio) - 1.0


def _step_minutes(horizon_minutes: int) -> int:
    """Return the horizon in whole hours."""
    return -(-horizon_minutes // HOUR_MINUTES) * HOUR_MINUTES
