"""Scores by calendar month and by hour of the day: when a model is good."""

from collections.abc import Iterator, Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.core.types import MINUTE_MS

from .scores import finite_or_none, mean, r_squared
from .tracks import ScoredOutcomes

DAY_MS = 1_440 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
_MIN_R2_OUTCOMES = 24
Times = NDArray[np.int64]


class PeriodScores(Struct, frozen=True):
    """The scores of one model in one period."""

    qlike: float | None
    coverage: float | None
    """Share of realized volatility within its interval."""
    price_coverage: float | None
    """Share of log returns within their interval."""
    r2_log_median: float | None
    """R² of log RV by the log of the median; None for fewer than 24 outcomes."""


class Month(Struct, frozen=True):
    """The outcomes whose forecasts were made in one calendar month, UTC."""

    month: str
    """The month, as 2024-05."""
    outcomes: int
    models: dict[str, PeriodScores]


class HourOfDay(Struct, frozen=True):
    """The outcomes whose forecasts were made at this full hour, UTC."""

    hour: int
    outcomes: int
    models: dict[str, PeriodScores]


def by_month(made_ms: Times, found: Mapping[str, ScoredOutcomes]) -> list[Month]:
    """Return scores by calendar month. `made_ms` are the times at which the forecasts were made, rising."""
    months = made_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    return [Month(str(np.datetime64(month, "M")), at.size, _scores(found, at)) for month, at in _groups(months)]


def by_hour(made_ms: Times, found: Mapping[str, ScoredOutcomes]) -> list[HourOfDay]:
    """Return scores by hour of the day, without hours that have no outcome."""
    return [HourOfDay(hour, at.size, _scores(found, at)) for hour, at in _groups(made_ms % DAY_MS // HOUR_MS)]


def _groups(labels: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each label, in order, with the indices that have it."""
    for label in np.unique(labels).tolist():
        yield label, np.flatnonzero(labels == label)


def _scores(found: Mapping[str, ScoredOutcomes], at: NDArray[np.intp]) -> dict[str, PeriodScores]:
    result = {}
    for name, outcomes in found.items():
        log_rv = np.log(outcomes.volatility[at])
        r2 = np.nan
        if outcomes.median is not None and at.size >= _MIN_R2_OUTCOMES:
            r2 = r_squared(log_rv, np.log(outcomes.median[at]))
        intervals = (outcomes.interval, outcomes.price_interval)
        coverages = [mean(interval.inside[at]) if interval is not None else np.nan for interval in intervals]
        result[name] = PeriodScores(*map(finite_or_none, (mean(outcomes.losses[at]), *coverages, r2)))
    return result
