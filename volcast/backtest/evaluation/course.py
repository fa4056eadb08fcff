"""Forecast against realized volatility: over the whole time, over the last two weeks, and by the size of the forecast."""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from volcast.backtest.periods import Times
from volcast.backtest.tracks import ScoredOutcomes
from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import MINUTE_MS

from .trailing import WINDOW_DAYS

_PERIODS_MINUTES = (360, DAY_MINUTES, 7 * DAY_MINUTES)
_MAX_POINTS = 600
_MIN_PER_DECILE = 10


class Course(Struct, frozen=True):
    """Root mean squares over periods: of realized volatility, and of what was forecast. All are over one horizon."""

    minutes: int
    """The length of a period; that of one outcome if all of them are shown."""
    times_ms: list[int]
    """The beginnings of the periods that have an outcome."""
    realized: list[float]
    forecast: dict[str, list[float]]
    """By model."""


class Recent(Struct, frozen=True):
    """Each outcome of the last two weeks, and the champion's forecast of it. Bounds are None if it gives no interval."""

    made_ms: list[int]
    realized: list[float]
    median: list[float] | None
    lower: list[float] | None
    upper: list[float] | None


class Decile(Struct, frozen=True):
    """A tenth of the outcomes, from the lowest forecasts to the highest."""

    outcomes: int
    forecast: float
    """Root mean square of the forecast volatility."""
    realized: float
    """Root mean square of the realized volatility."""
    realized_low: float
    realized_high: float
    """The 10 % and the 90 % quantile of realized volatility."""


def course(made_ms: Times, found: Mapping[str, ScoredOutcomes], step_minutes: int) -> Course:
    """Return the course in at most about 600 periods. `made_ms` are the times at which the forecasts were made, rising."""
    span = (int(made_ms[-1]) - int(made_ms[0])) / MINUTE_MS if made_ms.size else 0.0
    lengths = (step_minutes, *(each for each in _PERIODS_MINUTES if each > step_minutes))
    minutes = next((each for each in lengths if span / each <= _MAX_POINTS), lengths[-1])
    period = made_ms // (minutes * MINUTE_MS)
    labels, index = np.unique(period, return_inverse=True)
    counts = np.bincount(index, minlength=labels.size)

    def roots(squares: Floats) -> list[float]:
        return _rounded(np.sqrt(np.bincount(index, weights=squares, minlength=labels.size) / counts))

    realized = next(iter(found.values())).volatility ** 2
    forecasts = {name: roots(each.variance) for name, each in found.items()}
    return Course(minutes, (labels * minutes * MINUTE_MS).tolist(), roots(realized), forecasts)


def recent(made_ms: Times, champion: ScoredOutcomes) -> Recent:
    """Return the outcomes of the last two weeks."""
    first = int(np.searchsorted(made_ms, made_ms[-1] - WINDOW_DAYS * DAY_MINUTES * MINUTE_MS)) if made_ms.size else 0
    median = None if champion.median is None else _rounded(champion.median[first:])
    bounds = [None, None] if champion.interval is None else [_rounded(bound[first:]) for bound in champion.interval.bounds]
    return Recent(made_ms[first:].tolist(), _rounded(champion.volatility[first:]), median, *bounds)


def deciles(found: ScoredOutcomes) -> list[Decile]:
    """Return the outcomes by tenths of the forecast volatility; none if a tenth would have fewer than ten outcomes."""
    if found.variance.size < 10 * _MIN_PER_DECILE:
        return []
    groups = np.array_split(np.argsort(found.variance, kind="stable"), 10)
    return [
        Decile(
            group.size,
            float(np.sqrt(found.variance[group].mean())),
            float(np.sqrt((found.volatility[group] ** 2).mean())),
            *(float(each) for each in np.quantile(found.volatility[group], (0.1, 0.9))),
        )
        for group in groups
    ]


def _rounded(values: Floats) -> list[float]:
    """Return numbers with six digits: for plots, and so that the JSON stays small."""
    return [float(f"{each:.6g}") for each in values]
