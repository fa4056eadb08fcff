"""The simple distribution to compare with: a model's volatility times the shape that outcomes have had in the past.

Outcomes are divided by the root of the variance that was forecast; the quantiles of these standardised outcomes over the last 180
days, times today's forecast, are the quantiles of today's outcome. It is causal: the shape of a day is made from outcomes that
were known before it began. For a volatility the logs are standardised, which for quantiles comes to the same.

Reference: filtered historical simulation, G. Barone-Adesi, K. Giannopoulos & L. Vosper, VaR without Correlations for Portfolios
of Derivative Securities, J. Futures Markets 19 (1999).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from volcast.backtest.tracks import Truth
from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import MINUTE_MS

SHAPE_DAYS = 180
SAMPLE_MINUTES = 10
"""Outcomes of neighbouring minutes carry nearly the same information."""
MIN_SAMPLES, MIN_HORIZONS = 1_000, 160
"""About a week of an hour's outcomes: with fewer, the outer quantiles would be those of a few outcomes."""


class Standardised(NamedTuple):
    """Outcomes divided by the forecast volatility, one in every `SAMPLE_MINUTES`."""

    minute: NDArray[np.int64]
    """(s,) minutes of the candles after which the forecasts were made, rising."""
    horizon_minutes: int
    values: Floats
    """(s,)"""


def standardised(truth: Truth, outcome: Floats, variance: Floats) -> Standardised:
    """Return the known outcomes (n,) by the variance that was forecast (n,), where there is one."""
    minute = truth.open_time_ms // MINUTE_MS
    at = np.flatnonzero(minute % SAMPLE_MINUTES == SAMPLE_MINUTES - 1)
    at = at[np.isfinite(outcome[at]) & np.isfinite(variance[at]) & (variance[at] > 0.0)]
    return Standardised(minute[at], truth.horizon_minutes, outcome[at] / np.sqrt(variance[at]))


def past_quantiles(past: Standardised, minute: NDArray[np.int64], levels: Sequence[float]) -> Floats:
    """Return the quantiles of the past as known at the beginning of the day of each minute (m, k); NaN where there are too few.

    `minute` are the minutes of candles after which forecasts are made, rising.
    """
    found = np.full((minute.size, len(levels)), np.nan)
    days, first = np.unique(minute // DAY_MINUTES, return_index=True)
    starts = np.searchsorted(past.minute, (days - SHAPE_DAYS) * DAY_MINUTES)
    ends = np.searchsorted(past.minute, days * DAY_MINUTES - past.horizon_minutes)
    enough = max(MIN_SAMPLES, MIN_HORIZONS * past.horizon_minutes // SAMPLE_MINUTES)
    lasts = np.searchsorted(minute, (days + 1) * DAY_MINUTES)
    for begin, end, start, stop in np.stack([first, lasts, starts, ends], axis=1).tolist():
        if stop - start >= enough:
            ordered = np.sort(past.values[start:stop])  # several times as fast as the partition of `np.quantile`
            found[begin:end] = np.interp(np.array(levels) * (ordered.size - 1), np.arange(ordered.size), ordered)
    return found
