"""Forecast quantiles at some of the candles of a stream, and the outcomes that they are about, by family.

A family is what quantiles are forecast of: the return over the horizon, the highest high and the lowest low within it, and
realized volatility.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from volcast.backtest.tracks import Truth
from volcast.core.arrays import Floats
from volcast.core.forecast.distribution.quantiles import Quantiles

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


class HorizonQuantiles(NamedTuple):
    """Quantiles that were forecast after some candles, for several horizons."""

    levels: tuple[float, ...]
    """(k,) none if there are no candles."""
    open_time_ms: NDArray[np.int64]
    """(g,) of the candles, strictly rising."""
    values: Floats
    """(g, h, 4, k) by candle, horizon, family and level."""

    def first(self) -> QuantileForecasts | None:
        """Return those for the first horizon, without copying them; None if there are no levels."""
        return QuantileForecasts(self.levels, self.open_time_ms, self.values[:, 0]) if self.levels else None


def outcomes_of(truth: Truth) -> dict[Family, Floats]:
    """Return by family what happened over the horizon after each candle (n,), in the unit of the quantiles; NaN where unknown."""
    return {
        "return": truth.log_return,
        "high": truth.log_high,
        "low": truth.log_low,
        "rv": np.sqrt(truth.realized_variance),
    }


def quantile_columns(levels: Sequence[float], horizons: Sequence[int]) -> list[str]:
    """Return the names of the quantiles in a file: family and level, and the horizon in minutes if it is not the first.

    >>> quantile_columns((0.005,), (60, 240))
    ['return_0.005', 'high_0.005', 'low_0.005', 'rv_0.005', 'return_0.005_240', 'high_0.005_240', 'low_0.005_240', 'rv_0.005_240']
    """
    suffixes = ["", *(f"_{horizon}" for horizon in horizons[1:])]
    return [f"{family}_{level:g}{suffix}" for suffix in suffixes for family in FAMILIES for level in levels]
