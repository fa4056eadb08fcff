"""The distribution of one horizon's outcomes, learned online: the shapes of standardised outcomes, and how they apply today.

    log realized volatility                          = m' + scale · width · z     m' = m + scale · t
    log return, log highest high, log lowest low     = s · z     s  = exp(m') · stretch · 0.75 · (spread / 0.75)^(1/4)

m, spread and scale are the model's estimate. t, in units of its scale, is its mean error at this time of New York's day, shrunk,
and what the errors of the last days add to it; these also give width and stretch (`adaptation`). The quantiles of each z are
those of the outcomes so far: a histogram with a half-life of 60 days, skewed by `momentum`. All levels come from one distribution
function, so they never cross. A high is never below the close, and a low never above it.
"""

from collections.abc import Mapping, Sequence
from math import exp, sqrt
from typing import Any, Final, NamedTuple

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.estimators.diurnal_means import DiurnalMeans
from volcast.core.market.clock import DAY_MINUTES, new_york_minute
from volcast.core.market.state import Market
from volcast.core.models.contract import Estimate
from volcast.core.models.sampling import sample_minutes, samples_per_day

from .adaptation import Adaptation
from .histograms import SHAPE_LEVELS, ForgettingHistograms, exponential_quantile, laplace_quantile
from .momentum import Momentum, Skew

OUTCOMES = ("log_return", "log_high", "log_low", "realized_volatility")
_RETURN, _HIGH, _LOW, _VOLATILITY = range(len(OUTCOMES))
SKEWS = (Skew(0.068, 0.072, 0.08), Skew(0.045, 0.0, 0.0), Skew(-0.05, 0.0, 0.0), Skew(0.0, 0.0, 0.0))
"""By family. A low counts as its distance from the close, positive: momentum shortens it."""
_HALF_LIFE_DAYS: Final = 60.0
_PRIOR_DAYS, _DEFAULT_DAYS = 10.0, 1.0
"""Weight of the start: as much as that of the outcomes of so many days, if it was learned elsewhere and if not."""
_TYPICAL_SPREAD: Final = 0.75
_TIME_HALF_LIFE_DAYS, _TIME_PRIOR_DAYS = 90.0, 20.0
_TIME_SHARE: Final = 0.8
"""How much of the mean error at a time of the day counts, since it is an estimate."""
_BIN_MINUTES: Final = 10
_MAX_ERROR: Final = 4.0
_MAX_LOG_MOVE: Final = 62.0
"""Just below log 10^27, the ratio of the largest price to the smallest."""
_SMALL_SIZE: Final = 0.5
"""With a smaller size, no move of the grid comes near `_MAX_LOG_MOVE`."""
_MAX_SIZE: Final = 1e6
_REFRESH_MINUTES: Final = 240
"""The quantiles are computed anew about as often."""


class Scale(NamedTuple):
    """What turns the shapes into the distribution after one candle; it is stored until the outcome is known."""

    size: float
    """s, in whose units moves of the price have a stable distribution."""
    momentum: float
    shift: float
    """t: the expected error of the model's log RV now, in units of its scale."""
    width: float
    """By how much the errors of the last days are larger than the model's scale says, relative to the usual."""


class Realized(NamedTuple):
    """What became of a horizon. Moves are relative to the close at which the forecast was made."""

    log_volatility: float
    log_return: float
    log_high: float
    """Of the highest high; below 0 it counts as 0, the close."""
    log_low: float
    """Of the lowest low; above 0 it counts as 0, the close."""


class DistributionTracker:
    """The distribution of one horizon, at a few levels.

    Args:
        horizon_minutes: The horizon.
        levels: Ascending, between 0 and 1.
        shapes: By family, quantiles at `SHAPE_LEVELS` to start from. Without them, Laplace and exponential distributions.
    """

    def __init__(
        self, horizon_minutes: int, levels: Sequence[float], shapes: Mapping[str, Sequence[float]] | None = None
    ) -> None:
        per_day = samples_per_day(horizon_minutes)
        start_weight = (_PRIOR_DAYS if shapes else _DEFAULT_DAYS) * per_day
        starts = [(shapes or _default_shapes())[family] for family in OUTCOMES]
        self._histograms = ForgettingHistograms(
            [_mirrored(start) if i == _LOW else start for i, start in enumerate(starts)],
            start_weight=start_weight,
            half_life=_HALF_LIFE_DAYS * per_day,
        )
        self._levels = _levels(levels)
        self._momentum = Momentum(horizon_minutes)
        visits_per_day = per_day * _BIN_MINUTES / DAY_MINUTES
        self._time = DiurnalMeans(
            bin_minutes=_BIN_MINUTES,
            half_life=_TIME_HALF_LIFE_DAYS * visits_per_day,
            prior_visits=_TIME_PRIOR_DAYS * visits_per_day,
        )
        self._adaptation = Adaptation(horizon_minutes, per_day, start_weight)
        self._refresh_samples = max(_REFRESH_MINUTES // sample_minutes(horizon_minutes), 1)
        self._last_bin = (-1, 0)
        self._learned = 0
        self._set_shapes(self._histograms.quantiles(self._levels))

    def _set_shapes(self, quantiles: Floats) -> None:
        """Prepare the quantiles (outcomes, levels) of the standardised outcomes for `quantiles`."""
        quantiles[_HIGH : _LOW + 1] = np.maximum(quantiles[_HIGH : _LOW + 1], 0.0)
        self._shapes = quantiles
        skews = np.array([skew.per_momentum(shape) for skew, shape in zip(SKEWS, quantiles, strict=True)])
        sign = np.ones((len(OUTCOMES), 1))
        sign[_LOW] = -1.0
        pairs = np.stack((sign * quantiles, sign * skews), axis=2)[:_VOLATILITY].reshape(-1, 2).tolist()
        self._pairs: list[tuple[float, float]] = [(q, more) for q, more in pairs]
        """For each move of the price in turn and each level: the quantile, and what momentum adds to it."""
        self._errors: list[float] = quantiles[_VOLATILITY].tolist()

    def scale(self, market: Market, estimate: Estimate) -> Scale:
        """Return what turns the shapes into the distribution after the market's last candle."""
        recent = self._adaptation
        shift = _TIME_SHARE * self._time.means[self._bin(market.minute)] + recent.shift
        median, spread = exp(min(estimate.log_median + estimate.scale * shift, _MAX_LOG_MOVE)), estimate.spread
        momentum = self._momentum.after(market.features, median * spread)
        size = median * recent.stretch * _TYPICAL_SPREAD * sqrt(sqrt(spread / _TYPICAL_SPREAD))
        return Scale(size, momentum, shift, recent.width)

    def quantiles(self, estimate: Estimate, scale: Scale, lowest: float, highest: float) -> list[tuple[float, ...]]:
        """Return the quantiles by level, of each of `OUTCOMES`.

        log RV is limited to `lowest` … `highest`, and moves of the price to what prices can do. This is done every minute: at
        this size, lists are faster than arrays.
        """
        size, momentum, shift, width = scale
        moves = [size * (q + momentum * more) for q, more in self._pairs]
        middle = estimate.log_median + estimate.scale * shift
        width, errors = width * estimate.scale, self._errors
        if middle + width * errors[0] < lowest or middle + width * errors[-1] > highest:
            volatility = [exp(min(max(middle + width * q, lowest), highest)) for q in errors]
        else:
            volatility = [exp(middle + width * q) for q in errors]
        if size >= _SMALL_SIZE:
            moves = [min(max(q, -_MAX_LOG_MOVE), _MAX_LOG_MOVE) for q in moves]
        n = len(errors)
        return [tuple(moves[:n]), tuple(moves[n : 2 * n]), tuple(moves[2 * n :]), tuple(volatility)]

    def learn(self, minute: int, estimate: Estimate, scale: Scale, realized: Realized) -> None:
        """Learn what became of the forecast after `minute` (UTC)."""
        size, momentum, shift, width = scale
        error = (realized.log_volatility - estimate.log_median) / estimate.scale
        up, down = max(realized.log_high, 0.0), max(-realized.log_low, 0.0)
        outcomes = realized.log_return / size, up / size, down / size, (error - shift) / width
        standard = [_standard(skew, z, momentum) for skew, z in zip(SKEWS, outcomes, strict=True)]
        self._histograms.push(standard)
        at, recent = self._bin(minute), self._adaptation
        recent.push(error - _TIME_SHARE * self._time.means[at], abs(error - shift), abs(standard[_RETURN]) * recent.stretch)
        self._time.learn_bin(at, min(max(error, -_MAX_ERROR), _MAX_ERROR))
        self._learned += 1
        if self._learned % self._refresh_samples == 0:
            self._set_shapes(self._histograms.quantiles(self._levels))

    def learned(self) -> dict[str, list[float]]:
        """Return by family the quantiles at `SHAPE_LEVELS`, from which another symbol may start."""
        found = self._histograms.quantiles(_levels(SHAPE_LEVELS))
        found[_LOW] *= -1.0
        return dict(zip(OUTCOMES, found.tolist(), strict=True))

    def _bin(self, minute: int) -> int:
        """Return the bin of a minute (UTC) in the profile of New York's day; the last minute before a full ten is mid-bin.

        The bin of the last call is kept: time zones are apart by whole bins.
        """
        at = (minute + _BIN_MINUTES // 2) // _BIN_MINUTES
        if at != self._last_bin[0]:
            self._last_bin = at, self._time.bin_of(new_york_minute(at * _BIN_MINUTES))
        return self._last_bin[1]

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays."""
        return {
            "histograms": self._histograms.dump(),
            "time": self._time.dump(),
            "adaptation": self._adaptation.dump(),
            "learned": self._learned,
            "shapes": self._shapes.tobytes(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._histograms.load(state["histograms"])
        self._time.load(state["time"])
        self._adaptation.load(state["adaptation"])
        self._learned = int(state["learned"])
        self._set_shapes(np.frombuffer(state["shapes"], np.float64).reshape(self._levels.shape).copy())


def _standard(skew: Skew, outcome: float, momentum: float) -> float:
    return skew.undo(min(max(outcome, -_MAX_SIZE), _MAX_SIZE), momentum)


def _levels(levels: Sequence[float]) -> Floats:
    """Return the levels (families, levels) at which the histograms are read: that of lows is mirrored."""
    found = np.repeat(np.array([levels]), len(OUTCOMES), axis=0)
    found[_LOW] = 1.0 - found[_LOW]
    return found


def _mirrored(quantiles: Sequence[float]) -> list[float]:
    return [-value for value in reversed(quantiles)]


def _default_shapes() -> dict[str, list[float]]:
    laplace = [laplace_quantile(level) for level in SHAPE_LEVELS]
    exponential = [exponential_quantile(level) for level in SHAPE_LEVELS]
    return dict(zip(OUTCOMES, (laplace, exponential, _mirrored(exponential), laplace), strict=True))
