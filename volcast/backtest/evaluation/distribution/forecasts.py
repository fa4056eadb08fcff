"""Forecast quantiles at some of the candles of a stream, and the outcomes that they are about, by family.

A family is what quantiles are forecast of: the return over the horizon, the highest high and the lowest low within it, and
realized volatility.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from volcast.backtest.tracks import Truth
from volcast.core.arrays import Floats
from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.types import MINUTE_MS

Family = Literal["return", "high", "low", "rv"]
FAMILIES: tuple[Family, ...] = ("return", "high", "low", "rv")
"""Their names in files and in JSON; the order of the quantiles in arrays."""


def quantile_row(quantiles: Quantiles) -> list[tuple[float, ...]]:
    """Return the quantiles of each family, in the order of `FAMILIES`."""
    return [quantiles.log_return, quantiles.log_high, quantiles.log_low, quantiles.realized_volatility]


@dataclass(frozen=True, slots=True, eq=False)
class QuantileForecasts:
    """Quantiles that were forecast after some candles. Raises ValueError if the arrays do not fit, or quantiles cross."""

    levels: tuple[float, ...]
    """(k,) rising, between 0 and 1."""
    open_time_ms: NDArray[np.int64]
    """(g,) of the candles, strictly rising."""
    values: Floats
    """(g, 4, k) by candle, family and level; prices as log(price / close of the candle)."""

    def __post_init__(self) -> None:
        levels = np.array(self.levels)
        if not ((levels > 0.0) & (levels < 1.0)).all() or (np.diff(levels) <= 0.0).any():
            raise ValueError(f"the levels {self.levels} must rise, and lie between 0 and 1")
        expected = (self.open_time_ms.size, len(FAMILIES), levels.size)
        if self.values.shape != expected:
            raise ValueError(f"the quantiles have shape {self.values.shape} where {expected} is needed")
        if (np.diff(self.open_time_ms) <= 0).any():
            raise ValueError("the candles of the quantiles must rise in time")

    def at(self, open_time_ms: NDArray[np.int64]) -> Floats:
        """Return the quantiles after these candles (m, 4, k); NaN where none were forecast."""
        if not self.open_time_ms.size:
            return np.full((open_time_ms.size, len(FAMILIES), len(self.levels)), np.nan)
        place = np.minimum(np.searchsorted(self.open_time_ms, open_time_ms), self.open_time_ms.size - 1)
        found = np.array(self.values[place])
        found[self.open_time_ms[place] != open_time_ms] = np.nan
        return found

    def every(self, minutes: int) -> "QuantileForecasts":
        """Return those after the last candles before each full `minutes`, counted from 1970, without copying if these are all."""
        there = self.open_time_ms // MINUTE_MS % minutes == minutes - 1
        return self if there.all() else QuantileForecasts(self.levels, self.open_time_ms[there], self.values[there])


def outcomes_of(truth: Truth) -> dict[Family, Floats]:
    """Return by family what happened over the horizon after each candle (n,), in the unit of the quantiles; NaN where unknown."""
    return {
        "return": truth.log_return,
        "high": truth.log_high,
        "low": truth.log_low,
        "rv": np.sqrt(truth.realized_variance),
    }


def crossing(values: Floats) -> int:
    """Return how many rows (…, k) have a quantile that lies below one of a lower level."""
    return int((np.diff(values, axis=-1) < 0.0).any(axis=-1).sum())


def quantile_columns(levels: Sequence[float]) -> list[str]:
    """Return the names of the quantiles in a file: family and level.

    >>> quantile_columns((0.005, 0.5))
    ['return_0.005', 'return_0.5', 'high_0.005', 'high_0.5', 'low_0.005', 'low_0.5', 'rv_0.005', 'rv_0.5']
    """
    return [f"{family}_{level:g}" for family in FAMILIES for level in levels]
