"""Outcomes that do not overlap, placed in the distribution that was forecast for them.

One outcome counts per hour, or per horizon if that is longer. Its forecast is kept when it is made, so that the outcome can be
placed in the forecast's own distribution: a normal score is 0 at the median, and ±1.645 at the bounds of an interval of 90 %.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from math import exp, log, sqrt
from typing import Any, NamedTuple

from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.learner import Prediction, ResolvedForecast
from volcast.core.market.clock import HOUR_MINUTES

from .observation import Observation

_DIGITS = 12
"""Of a level, as the forecaster rounds those of its interval."""
_TINY = 1e-12
"""A volatility has a logarithm; a horizon without any move has none."""


class ScoredOutcome(NamedTuple):
    """An outcome beside its forecast. Scores are standard normal if the forecast's distribution is right."""

    loss_gap: float
    """QLIKE of the forecast less that of the baseline; negative if the forecast is better."""
    volatility_score: float
    """The normal score of the realized volatility in the distribution that was forecast."""
    return_score: float
    """That of the log return."""


class _Law(NamedTuple):
    """A distribution: quantiles, and their levels, ascending."""

    levels: tuple[float, ...]
    values: tuple[float, ...]


class OutcomeGrid:
    """Selects outcomes that do not overlap, and scores them. The state is the one forecast that is waiting.

    `interval_level` is the probability of the forecast's interval.
    """

    def __init__(self, interval_level: float) -> None:
        self.due_minute = 0
        """When the outcome of the forecast that is waiting is known. Other minutes may be left out, but for ends of hours."""
        self._interval = (round(0.5 - interval_level / 2, _DIGITS), 0.5, round(0.5 + interval_level / 2, _DIGITS))
        self._needed = frozenset(self._interval)
        self._waiting: tuple[_Law, _Law] | None = None
        """Of the realized volatility and of the log return."""

    def push(self, seen: Observation) -> ScoredOutcome | None:
        """Return the outcome that counts with this minute; None if there is none."""
        scored = None
        if seen.minute >= self.due_minute and (waiting := self._waiting):
            self._waiting = None
            if seen.minute == self.due_minute and seen.outcome is not None:
                scored = _score(seen.outcome, *waiting)
        if seen.hour_end and seen.warm and (seen.minute + 1) % _step_minutes(seen.horizon_minutes) == 0:
            self.due_minute = seen.minute + seen.horizon_minutes
            self._waiting = self._laws(seen.prediction, seen.hour_end.quantiles)
        return scored

    def _laws(self, prediction: Prediction, quantiles: Quantiles) -> tuple[_Law, _Law]:
        """Return the forecast's distributions. If the quantiles lack the bounds of its intervals, these are added."""
        levels = quantiles.levels
        volatility, log_return = _Law(levels, quantiles.realized_volatility), _Law(levels, quantiles.log_return)
        if not self._needed.issubset(levels):
            bounds = prediction.return_lower, prediction.return_upper
            volatility = _with(volatility, self._interval, (prediction.lower, prediction.median, prediction.upper))
            log_return = _with(log_return, self._interval[::2], bounds)
        return volatility, log_return

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers and lists."""
        return {"due_minute": self.due_minute, "waiting": self._waiting and [list(map(list, law)) for law in self._waiting]}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `dump` returned. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.due_minute, waiting = int(state["due_minute"]), state["waiting"]
        self._waiting = None
        if waiting is not None:
            volatility, log_return = (_load_law(*law) for law in waiting)
            self._waiting = volatility, log_return


def normal_score(outcome: float, levels: tuple[float, ...], values: Sequence[float], *, by_log: bool = False) -> float:
    """Return Φ⁻¹(F(outcome)), where F has these quantiles `values`, at least two, at the levels; both are ascending.

    It is linear in the outcome, or in its logarithm, between quantiles, and beyond the outermost ones as between the last two.
    Of an outcome at which several quantiles are equal, it is that of the middle.

    >>> [round(normal_score(x, (0.05, 0.5, 0.95), (1.0, 2.0, 4.0)), 3) for x in (1.0, 2.0, 3.0, 5.0)]
    [-1.645, 0.0, 0.822, 2.467]
    >>> round(normal_score(1.0, (0.05, 0.5, 0.95), (1.0, 1.0, 4.0)), 3)
    -0.822
    """
    scores = _scores(levels)
    at, end = bisect_left(values, outcome), bisect_right(values, outcome)
    if at < end:
        return (scores[at] + scores[end - 1]) / 2
    last = len(values) - 1
    at = min(max(at, 1), last)
    low, high = values[at - 1], values[at]
    if high <= low:  # outside, beside quantiles that are equal: no slope is known
        return scores[0] if outcome < low else scores[last]
    if by_log:
        outcome, low, high = (log(max(each, _TINY)) for each in (outcome, low, high))
    return scores[at - 1] + (outcome - low) / max(high - low, _TINY) * (scores[at] - scores[at - 1])


def _score(outcome: ResolvedForecast, volatility: _Law, log_return: _Law) -> ScoredOutcome | None:
    """Score an outcome; None if the price never moved."""
    if not outcome.realized_variance > 0.0:
        return None
    realized = log(outcome.realized_variance)
    gap, gap_ewma = realized - log(outcome.prediction.variance), realized - log(outcome.variance_ewma)
    return ScoredOutcome(
        (exp(min(gap, 50.0)) - gap - 1) - (exp(min(gap_ewma, 50.0)) - gap_ewma - 1),
        normal_score(sqrt(outcome.realized_variance), *volatility, by_log=True),
        normal_score(outcome.log_return, *log_return),
    )


@lru_cache(maxsize=16)
def _scores(levels: tuple[float, ...]) -> list[float]:
    """Return the normal quantiles of levels."""
    return [float(each) for each in ndtri(levels)]


def _with(law: _Law, levels: Sequence[float], values: Sequence[float]) -> _Law:
    """Return the distribution with more quantiles; of a level that it has, its own stays."""
    points = dict(zip(levels, values, strict=True)) | dict(zip(*law, strict=True))
    found = tuple(sorted(points))
    return _Law(found, tuple(points[level] for level in found))


def _step_minutes(horizon_minutes: int) -> int:
    """Return the horizon in whole hours."""
    return -(-horizon_minutes // HOUR_MINUTES) * HOUR_MINUTES


def _load_law(levels: list[float], values: list[float]) -> _Law:
    law = _Law(tuple(map(float, levels)), tuple(map(float, values)))
    if len(law.levels) != len(law.values) or len(law.levels) < 2:  # noqa: PLR2004  a line has two points
        raise ValueError("a distribution has at least two quantiles, each with its level")
    return law
