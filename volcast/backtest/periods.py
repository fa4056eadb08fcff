"""Scores by calendar month and by hour of the day, and skill over time: when a model is good."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS

from .scores import finite_or_none, mean, r_squared
from .tracks import ScoredOutcomes

DAY_MS = 1_440 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
SKILL_DAYS = 14
"""A good model loses single days to a simple one, but rarely two weeks."""
_MIN_R2_OUTCOMES = 24
Times = NDArray[np.int64]


class PeriodScores(Struct, frozen=True):
    """The scores of one model in one period."""

    qlike: float | None
    coverage: float | None
    """Share of realized volatility within its interval."""
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


class Skill(Struct, frozen=True):
    """1 - mean QLIKE / mean QLIKE of the baseline over the two weeks before each midnight UTC; above 0 it beats the baseline."""

    days: list[str]
    """The days that begin with these midnights, as 2024-05-17."""
    models: dict[str, list[float | None]]
    """One entry for each day, None where less than half of the two weeks could be scored. The baseline is not among them."""


def by_month(made_ms: Times, found: Mapping[str, ScoredOutcomes]) -> list[Month]:
    """Return scores by calendar month. `made_ms` are the times at which the forecasts were made, rising."""
    months = made_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    return [Month(str(np.datetime64(month, "M")), at.size, _scores(found, at)) for month, at in _groups(months)]


def by_hour(made_ms: Times, found: Mapping[str, ScoredOutcomes]) -> list[HourOfDay]:
    """Return scores by hour of the day, without hours that have no outcome."""
    return [HourOfDay(hour, at.size, _scores(found, at)) for hour, at in _groups(made_ms % DAY_MS // HOUR_MS)]


def skill(due_ms: Times, losses: Mapping[str, Floats], baseline: str | None, step_minutes: int) -> Skill:
    """Return the skill of each model over the baseline. `due_ms` are the times at which the outcomes were known, rising.

    A window excludes its first midnight and includes its last.
    """
    others = [name for name in losses if name != baseline]
    if baseline is None or not due_ms.size:
        return Skill([], {name: [] for name in others})
    window_ms = SKILL_DAYS * DAY_MS
    first = -(-(int(due_ms[0]) - step_minutes * MINUTE_MS + window_ms) // DAY_MS)
    midnights = np.arange(first, int(due_ms[-1]) // DAY_MS + 1) * DAY_MS
    starts = np.searchsorted(due_ms, midnights - window_ms, side="right")
    ends = np.searchsorted(due_ms, midnights, side="right")
    enough = window_ms / MINUTE_MS / step_minutes / 2
    series: dict[str, list[float | None]] = {name: [] for name in others}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        reference = mean(losses[baseline][start:end]) if end - start >= enough else np.nan
        for name in others:
            series[name].append(finite_or_none(1.0 - mean(losses[name][start:end]) / reference) if reference > 0.0 else None)
    days = [datetime.fromtimestamp(midnight / 1_000, UTC).date().isoformat() for midnight in midnights.tolist()]
    return Skill(days, series)


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
        coverage = mean(outcomes.interval.inside[at]) if outcomes.interval is not None else np.nan
        result[name] = PeriodScores(finite_or_none(mean(outcomes.losses[at])), finite_or_none(coverage), finite_or_none(r2))
    return result
