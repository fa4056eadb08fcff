"""The course of scores: over the two weeks before each midnight, UTC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.backtest.scores import finite_or_none, mean
from volcast.backtest.tracks import ScoredOutcomes
from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import MINUTE_MS

WINDOW_DAYS = 14
"""A good model loses single days to a simple one, but rarely two weeks."""
_DAY_MS = DAY_MINUTES * MINUTE_MS
_MIN_SHARE = 0.5
"""Of the outcomes that two weeks can have: a window with fewer has no score."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The outcomes that came due within two weeks before each midnight: the first midnight excluded, the last one included."""

    days: list[str]
    """The days that begin with these midnights, as 2024-05-17."""
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    enough: float
    """The number of outcomes that a window must have."""

    @classmethod
    def of(cls, due_ms: NDArray[np.int64], step_minutes: int) -> "Windows":
        """Return the windows of outcomes that were known at these times, rising, at least `step_minutes` apart."""
        nothing = np.zeros(0, np.int64)
        if not due_ms.size:
            return cls([], nothing, nothing, 0.0)
        length = WINDOW_DAYS * _DAY_MS
        first = -(-(int(due_ms[0]) - step_minutes * MINUTE_MS + length) // _DAY_MS)
        midnights = np.arange(first, int(due_ms[-1]) // _DAY_MS + 1) * _DAY_MS
        days = [datetime.fromtimestamp(midnight / 1_000, UTC).date().isoformat() for midnight in midnights.tolist()]
        starts = np.searchsorted(due_ms, midnights - length, side="right")
        ends = np.searchsorted(due_ms, midnights, side="right")
        return cls(days, starts, ends, _MIN_SHARE * length / MINUTE_MS / step_minutes)

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield the first index of each window and the one after its last; both are 0 where it has too few outcomes."""
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            yield (start, end) if end - start >= self.enough else (0, 0)

    def means(self, values: Floats | NDArray[np.bool_]) -> list[float]:
        """Return the mean of each window; NaN where it has too few outcomes."""
        return [mean(values[start:end]) for start, end in self.spans()]


class Trailing(Struct, frozen=True):
    """Scores over the two weeks before each day, None where fewer than half of their outcomes could be scored."""

    days: list[str]
    """As 2024-05-17; a window ends with the midnight at which the day begins, UTC."""
    skill: dict[str, list[float | None]]
    """1 - mean QLIKE of the champion / mean QLIKE of each other model; above 0 the champion is better."""
    coverage: dict[str, list[float | None]]
    """By model: share of realized volatilities within their interval. Models without intervals are not among them."""
    price_coverage: dict[str, list[float | None]]
    """By model: share of log returns within their interval."""


def trailing(due_ms: NDArray[np.int64], found: Mapping[str, ScoredOutcomes], champion: str, step_minutes: int) -> Trailing:
    """Return the course of all models' scores. `due_ms` are the times at which the outcomes were known, rising."""
    windows = Windows.of(due_ms, step_minutes)
    own = windows.means(found[champion].losses)
    skill = {
        name: [finite_or_none(_skill(loss, other)) for loss, other in zip(own, windows.means(each.losses), strict=True)]
        for name, each in found.items()
        if name != champion
    }
    volatility = {name: each.interval for name, each in found.items()}
    price = {name: each.price_interval for name, each in found.items()}
    coverages = [
        {
            name: [finite_or_none(share) for share in windows.means(interval.inside)]
            for name, interval in intervals.items()
            if interval is not None
        }
        for intervals in (volatility, price)
    ]
    return Trailing(windows.days, skill, *coverages)


def _skill(loss: float, other: float) -> float:
    return 1.0 - loss / other if other > 0.0 else np.nan
