"""Storms: which of the wildest hours a model has warned of.

A storm is an outcome among the top 5 % of realized volatility, which is known only in hindsight. A model warns where its forecast
is above the 95 % quantile of its own forecasts of the 90 days before, so that a warning uses nothing of its future. A model that
warns at random catches 5 % of the storms, and 5 % of its warnings are right.
"""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from volcast.backtest.scores import finite_or_none
from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES

STORM_SHARE = 0.05
HISTORY_DAYS = 90
_MIN_DAYS, _MIN_FORECASTS = 10, 60
"""A quantile of 95 % needs some forecasts above it."""
Indices = NDArray[np.int64]


class StormWarnings(Struct, frozen=True):
    """The warnings of one model."""

    model: str
    warnings: int
    """Outcomes whose forecast was above the model's 95 % quantile of the 90 days before."""
    right: int
    """Warnings after which a storm came: also the number of storms that were warned of."""
    right_in_hindsight: int
    """The same, had the model warned as often as there were storms: of the highest forecasts of the whole period."""


class Storms(Struct, frozen=True):
    """The storms of a period, and who warned of them."""

    outcomes: int
    """Scored outcomes for which every model had enough forecasts before them to know its quantile."""
    storms: int
    threshold: float | None
    """The realized volatility above which an outcome counts as a storm, over the horizon; None without outcomes."""
    models: list[StormWarnings]


def storms(minute: Indices, grid: Indices, at: Indices, volatility: Floats, forecasts: Mapping[str, Floats]) -> Storms:
    """Return who warned of which storms.

    Args:
        minute: (n,) minutes of all candles, rising.
        grid: (g,) indices of the candles whose forecasts make up a model's history, rising.
        at: (m,) indices of scored candles, all of them in the grid.
        volatility: (m,) what was realized after them.
        forecasts: By model (n,), what it had forecast; entries that are not finite do not count.
    """
    thresholds = {name: _quantiles_before(minute[grid], each[grid], minute[at]) for name, each in forecasts.items()}
    known = np.logical_and.reduce([np.ones(at.size, np.bool_), *(np.isfinite(each) for each in thresholds.values())])
    count = int(known.sum())
    if not count:
        return Storms(0, 0, None, [StormWarnings(name, 0, 0, 0) for name in forecasts])
    realized = volatility[known]
    threshold = float(np.quantile(realized, 1.0 - STORM_SHARE))
    storm = realized > threshold
    number = int(storm.sum())
    found = []
    for name, each in forecasts.items():
        forecast = each[at][known]
        warned = forecast > thresholds[name][known]
        highest = np.argsort(-forecast, kind="stable")[:number]
        found.append(StormWarnings(name, int(warned.sum()), int((warned & storm).sum()), int(storm[highest].sum())))
    return Storms(count, number, finite_or_none(threshold), found)


def _quantiles_before(minute: Indices, forecast: Floats, made: Indices) -> Floats:
    """Return for each minute of `made` the 95 % quantile of the forecasts of the 90 days before it; NaN if they are too few."""
    sound = np.isfinite(forecast)
    minute, forecast = minute[sound], forecast[sound]
    starts = np.searchsorted(minute, made - HISTORY_DAYS * DAY_MINUTES)
    ends = np.searchsorted(minute, made)
    result = np.full(made.size, np.nan)
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if end - start >= _MIN_FORECASTS and made[i] - minute[start] >= _MIN_DAYS * DAY_MINUTES:
            result[i] = np.quantile(forecast[start:end], 1.0 - STORM_SHARE)
    return result
