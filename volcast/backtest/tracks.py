"""The inputs of a comparison: what happened after each candle, what each model had forecast, and which forecasts are scored."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from volcast.core.arrays import Floats
from volcast.core.forecast.learner import FLAT_VARIANCE
from volcast.core.market.clock import HOUR_MINUTES
from volcast.core.types import MINUTE_MS

from .interval_scores import Booleans, covered
from .scores import qlike_losses

GAP_MINUTES = 70
"""Forecasts within this distance of a missing minute are not scored."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Truth:
    """What happened over the horizon after each candle of a stream, in order. Raises ValueError if the arrays do not fit."""

    open_time_ms: NDArray[np.int64]
    """(n,) of the candle after whose close forecasts were made; strictly rising, whole minutes, gaps allowed."""
    close: Floats
    """(n,) the close of that candle; positive."""
    realized_variance: Floats
    """(n,) the sum of squared one-minute log returns over the horizon; NaN where unknown."""
    log_return: Floats
    """(n,) over the horizon; NaN where unknown."""
    log_high: Floats
    """(n,) log(highest high within the horizon / close); NaN where unknown."""
    log_low: Floats
    """(n,) log(lowest low within the horizon / close); NaN where unknown."""
    horizon_minutes: int

    def __post_init__(self) -> None:
        columns = ("close", "realized_variance", "log_return", "log_high", "log_low")
        _same_shape(self.open_time_ms, **{name: getattr(self, name) for name in columns})
        if self.horizon_minutes < 1:
            raise ValueError(f"horizon_minutes={self.horizon_minutes} must be at least 1")
        if (np.diff(self.open_time_ms) <= 0).any():
            raise ValueError("open_time_ms must rise from candle to candle")

    @property
    def step_minutes(self) -> int:
        """The distance of scored forecasts: so long that outcomes do not overlap, and at least an hour."""
        return max(self.horizon_minutes, HOUR_MINUTES)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Track:
    """What one model forecast after each candle. A column that the model does not forecast is NaN throughout."""

    name: str
    variance: Floats
    """(n,) the expected variance over the horizon."""
    median: Floats
    """(n,) the median of realized volatility, the root of the realized variance."""
    lower: Floats
    """(n,) the lower bound of the interval of realized volatility."""
    upper: Floats
    return_lower: Floats
    """(n,) the lower bound of the interval of the log return over the horizon."""
    return_upper: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The candles whose forecasts are scored, the same for every model, and how many others of the grid were left out."""

    at: NDArray[np.int64]
    """(m,) indices of candles."""
    flat: int
    near_gaps: int
    unknown: int
    missing: dict[str, int]
    """By model: outcomes for which it has no usable forecast; they are left out for all models."""


def _same_shape(first: NDArray[Any], **others: NDArray[Any]) -> None:
    if first.ndim != 1:
        raise ValueError(f"expected one entry a candle, found an array of shape {first.shape}")
    for name, array in others.items():
        if array.shape != first.shape:
            raise ValueError(f"{name} has shape {array.shape} where {first.shape} is needed: one entry a candle")


def select(truth: Truth, tracks: list[Track], from_share: float) -> Selection:
    """Select the last candle before each full hour (or longer horizon, counted from 1970), after a share of all candles.

    Left out, in this order: hours near gaps, hours whose outcome is unknown, hours in which the price did not move, and hours for
    which any model has no usable forecast. Raises ValueError if the tracks do not fit the truth.
    """
    minute = truth.open_time_ms // MINUTE_MS
    for track in tracks:
        columns = {name: getattr(track, name) for name in _COLUMNS}
        _same_shape(minute, **{f"{track.name}: {name}": column for name, column in columns.items()})
    candidates = grid(truth)
    candidates = candidates[candidates >= int(minute.size * from_share)]
    clear = candidates[~_near_gap(minute, candidates)]
    known = clear[np.isfinite(truth.realized_variance[clear]) & np.isfinite(truth.log_return[clear])]
    moved = known[truth.realized_variance[known] > FLAT_VARIANCE]
    usable = {track.name: _usable(track, moved) for track in tracks}
    at = moved[np.logical_and.reduce([np.ones(moved.size, np.bool_), *usable.values()])]
    return Selection(
        at=at,
        flat=known.size - moved.size,
        near_gaps=candidates.size - clear.size,
        unknown=clear.size - known.size,
        missing={name: int((~there).sum()) for name, there in usable.items() if not there.all()},
    )


def grid(truth: Truth) -> NDArray[np.int64]:
    """Return the indices of the last candles before each full hour (or longer horizon, counted from 1970)."""
    step = truth.step_minutes
    return np.flatnonzero(truth.open_time_ms // MINUTE_MS % step == step - 1)


_COLUMNS = ("variance", "median", "lower", "upper", "return_lower", "return_upper")
_POSITIVE = frozenset(_COLUMNS[:4])


def _near_gap(minute: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether a minute is missing within `GAP_MINUTES`. Minutes before the first or after the last candle do not count."""
    if not minute.size:
        return np.zeros(at.size, np.bool_)
    first = np.maximum(minute[at] - GAP_MINUTES, minute[0])
    last = np.minimum(minute[at] + GAP_MINUTES, minute[-1])
    there = np.searchsorted(minute, last, side="right") - np.searchsorted(minute, first, side="left")
    return np.asarray(there < last - first + 1)


def _usable(track: Track, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where the expected variance is usable, and so is every column that the model fills anywhere."""
    usable = np.ones(at.size, np.bool_)
    for name in _COLUMNS:
        values = getattr(track, name)[at]
        sound = np.isfinite(values) & (values > 0.0) if name in _POSITIVE else np.isfinite(values)
        if name == "variance" or sound.any():
            usable &= sound
    return usable


class Interval(NamedTuple):
    """The bounds of an interval, and which outcomes are inside."""

    bounds: tuple[Floats, Floats]
    inside: Booleans


@dataclass(frozen=True, slots=True, eq=False)
class ScoredOutcomes:
    """One model's forecasts and losses. Arrays are (m,), one entry for each outcome; None if the model has no such forecast."""

    volatility: Floats
    """Realized volatility."""
    variance: Floats
    """Expected variance."""
    losses: Floats
    """QLIKE losses."""
    median: Floats | None
    interval: Interval | None
    price_interval: Interval | None


def gather(truth: Truth, track: Track, at: NDArray[np.int64]) -> ScoredOutcomes:
    """Return the scored outcomes of one model at the selected candles, where a column is either complete or missing."""
    volatility = np.sqrt(truth.realized_variance[at])
    variance = track.variance[at]
    median = track.median[at]
    return ScoredOutcomes(
        volatility=volatility,
        variance=variance,
        losses=qlike_losses(truth.realized_variance[at], variance),
        median=median if np.isfinite(median).all() else None,
        interval=_interval(volatility, track.lower[at], track.upper[at]),
        price_interval=_interval(truth.log_return[at], track.return_lower[at], track.return_upper[at]),
    )


def _interval(y: Floats, lower: Floats, upper: Floats) -> Interval | None:
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        return None
    return Interval((lower, upper), covered(y, lower, upper))
