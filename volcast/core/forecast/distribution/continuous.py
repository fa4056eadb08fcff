"""A continuous distribution of a positive value, made from its quantiles: quantile function, CDF and means of its tails.

The value is a price relative to the close, or a realized volatility; quantiles are those of its logarithm x, as a forecast gives
them. Between two levels, x is a monotone cubic function (PCHIP) of the normal score z of the level: a line for a lognormal value.
Beyond the outermost levels follow generalized Pareto tails through the two outermost quantiles of each side:

    above   value(S) = v₀ + σ·((S₀ / S)^ξ - 1) / ξ      S: probability of a larger value;  S₀, v₀: those of the outermost quantile
    below   x(p)     = x₀ - σ·((p₀ / p)^ξ - 1) / ξ      p: probability of a smaller value

The shapes ξ are constants: two quantiles cannot tell them. The upper tail is one of the value, not of its logarithm, so that the
mean of the value is finite.

References: F. Fritsch & J. Butland, A Method for Constructing Local Monotone Piecewise Cubic Interpolants, SIAM J. Sci. Stat.
Comput. 5 (1984); P. Embrechts, C. Klüppelberg & T. Mikosch, Modelling Extremal Events (1997), 3.4.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.polynomial.laguerre import laggauss
from numpy.polynomial.legendre import leggauss
from scipy.interpolate import PchipInterpolator  # type: ignore[import-untyped]  # SciPy ships no types
from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]  # as above

from volcast.core.arrays import Floats

MIN_LEVELS: Final = 3
TAIL_RATIO: Final = 5.0
"""A tail is trusted up to events so many times rarer than the outermost quantile: 0.1 % if that is at 0.5 %."""
_BISECTIONS: Final = 60
_NODES, _WEIGHTS = leggauss(16)
_TAIL_NODES, _TAIL_WEIGHTS = laggauss(48)


class Tails(NamedTuple):
    """The shapes ξ of both tails: 0 falls exponentially, above 0 as a power with exponent 1/ξ, -1 ends at a bound."""

    lower: float
    upper: float


RETURN_TAILS: Final = Tails(0.25, 0.25)
HIGH_TAILS: Final = Tails(-1.0, 0.25)
"""The highest price is hardly below the close: its lower tail ends soon."""
LOW_TAILS: Final = Tails(0.25, -1.0)
VOLATILITY_TAILS: Final = Tails(0.0, 0.25)


class ContinuousDistribution:
    """The distribution of a value by the quantiles of its logarithm.

    Args:
        levels: (k,), ascending, between 0 and 1; at least three.
        log_quantiles: (k,), ascending: the logarithm of the value is below the i-th with probability levels[i].
        tails: The shapes beyond the outermost levels.

    Raises ValueError if levels or quantiles are not ascending or not finite, or too few. Equal quantiles are allowed: the value
    then has a positive probability of being there.

    >>> levels = (0.005, 0.25, 0.5, 0.75, 0.995)
    >>> normal = ContinuousDistribution(levels, tuple(0.01 * ndtri(levels)), RETURN_TAILS)
    >>> round(float(normal.cdf(0.0)), 6), round(float(normal.quantile(0.9)), 6)
    (0.5, 0.012816)
    """

    def __init__(self, levels: Sequence[float], log_quantiles: Sequence[float] | Floats, tails: Tails) -> None:
        p, x = np.array(levels, float), np.array(log_quantiles, float)
        _check(p, x)
        self.levels, self.log_quantiles, self.tails = p, x, tails
        self._z: Floats = ndtri(p)
        self._curve = PchipInterpolator(self._z, x)
        self._lower = _tail_scale(x[1] - x[0], p[1] / p[0], tails.lower)
        self._top = float(np.exp(x[-1]))
        self._upper = _tail_scale(self._top - float(np.exp(x[-2])), (1.0 - p[-2]) / (1.0 - p[-1]), tails.upper)

    @property
    def min_level(self) -> float:
        """The lowest level at which the tail is trusted."""
        return float(self.levels[0]) / TAIL_RATIO

    @property
    def max_level(self) -> float:
        """The highest level at which the tail is trusted."""
        return 1.0 - (1.0 - float(self.levels[-1])) / TAIL_RATIO

    def is_extrapolated(self, level: float) -> bool:
        """Return whether a level lies beyond the outermost quantiles, where only the shape of the tail is known."""
        return not self.levels[0] <= level <= self.levels[-1]

    def quantile(self, level: Floats | float) -> Floats:
        """Return the quantiles of the logarithm at levels of any shape, above 0 and below 1."""
        p = np.asarray(level, float)
        inner = self._curve(ndtri(np.clip(p, self.levels[0], self.levels[-1])))
        with np.errstate(divide="ignore"):
            below = self.log_quantiles[0] - self._lower * _excess(np.log(self.levels[0] / p), self.tails.lower)
            above = self._top + self._upper * _excess(np.log((1.0 - self.levels[-1]) / (1.0 - p)), self.tails.upper)
        outer = np.where(p > self.levels[-1], np.log(np.maximum(above, self._top)), inner)
        return np.asarray(np.where(p < self.levels[0], np.minimum(below, self.log_quantiles[0]), outer))

    def cdf(self, log_value: Floats | float) -> Floats:
        """Return the probabilities (any shape) that the logarithm of the value is at most this."""
        x = np.asarray(log_value, float)
        inner = ndtr(self._score(np.clip(x, self.log_quantiles[0], self.log_quantiles[-1])))
        below = self.levels[0] * np.exp(-_log_rarity((self.log_quantiles[0] - x), self._lower, self.tails.lower))
        with np.errstate(over="ignore"):
            excess = np.exp(x) - self._top
        above = (1.0 - self.levels[-1]) * np.exp(-_log_rarity(excess, self._upper, self.tails.upper))
        outer = np.where(x > self.log_quantiles[-1], 1.0 - above, inner)
        return np.asarray(np.where(x < self.log_quantiles[0], below, outer))

    def mean(self) -> float:
        """Return the mean of the value, not of its logarithm."""
        return self._sum_below(1.0)

    def mean_below(self, level: float) -> float:
        """Return the mean of the value where it is below its quantile at `level`, above 0 and below 1."""
        return self._sum_below(level) / level

    def mean_above(self, level: float) -> float:
        """Return the mean of the value where it is above its quantile at `level`, above 0 and below 1."""
        if level >= self.levels[-1]:
            return self._tail_above(1.0 - level) / (1.0 - level)
        inner = self._sum_between(max(level, float(self.levels[0])), float(self.levels[-1]))
        lower = self._tail_below(float(self.levels[0])) - self._tail_below(level) if level < self.levels[0] else 0.0
        return (lower + inner + self._tail_above(1.0 - float(self.levels[-1]))) / (1.0 - level)

    def _sum_below(self, level: float) -> float:
        """Return ∫ value(p) dp from 0 to `level`, which may be 1."""
        first, last = float(self.levels[0]), float(self.levels[-1])
        if level <= first:
            return self._tail_below(level)
        total = self._tail_below(first) + self._sum_between(first, min(level, last))
        if level > last:
            total += self._tail_above(1.0 - last)
            total -= self._tail_above(1.0 - level) if level < 1.0 else 0.0
        return total

    def _sum_between(self, begin: float, end: float) -> float:
        """Return ∫ value(p) dp between two inner levels, by Gauss-Legendre quadrature in z on each cubic piece."""
        first, last = ndtri((begin, end))
        cuts = np.concatenate(([first], self._z[(self._z > first) & (self._z < last)], [last]))
        half, middle = np.diff(cuts)[:, np.newaxis] / 2, ((cuts[1:] + cuts[:-1]) / 2)[:, np.newaxis]
        z = middle + half * _NODES
        density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        return float((np.exp(self._curve(z)) * density * _WEIGHTS * half).sum())

    def _tail_below(self, level: float) -> float:
        """Return ∫ value(p) dp from 0 to a level in the lower tail, by Gauss-Laguerre quadrature: p = level·exp(-t)."""
        start = np.log(float(self.levels[0]) / level)
        x = self.log_quantiles[0] - self._lower * _excess(start + _TAIL_NODES, self.tails.lower)
        return level * float((np.exp(x) * _TAIL_WEIGHTS).sum())

    def _tail_above(self, share: float) -> float:
        """Return ∫ value(p) dp over the uppermost `share`, which lies in the upper tail, in closed form."""
        shape = self.tails.upper
        rarity = np.log((1.0 - float(self.levels[-1])) / share)
        return share * float(self._top + self._upper * (_excess(rarity, shape) + np.exp(shape * rarity) / (1.0 - shape)))

    def _score(self, x: Floats) -> Floats:
        """Return the largest z between the outermost levels at which the quantile is at most x."""
        low = np.full(x.shape, self._z[0])
        high = np.full(x.shape, self._z[-1])
        at = np.searchsorted(self.log_quantiles, x, side="right")
        low, high = self._z[np.maximum(at - 1, 0)], self._z[np.minimum(at, len(self._z) - 1)]
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            is_below = self._curve(middle) <= x
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return np.asarray(low)


def _check(p: Floats, x: Floats) -> None:
    if p.ndim != 1 or p.shape != x.shape or len(p) < MIN_LEVELS:
        raise ValueError(f"a distribution needs at least {MIN_LEVELS} levels and a quantile for each; got {p.size} and {x.size}")
    if not (p[0] > 0.0 and p[-1] < 1.0 and (np.diff(p) > 0.0).all()):
        raise ValueError(f"the levels must ascend between 0 and 1; got {p.tolist()}")
    if not (np.isfinite(x).all() and (np.diff(x) >= 0.0).all()):
        raise ValueError(f"the quantiles must be finite and must not cross; got {x.tolist()}")


def _tail_scale(distance: float, ratio: float, shape: float) -> float:
    """Return σ of a tail whose two outermost quantiles are `distance` apart; `ratio` is that of their tail probabilities."""
    return distance / -_excess_of(-np.log(ratio), shape)


def _excess_of(log_rarity: float, shape: float) -> float:
    return float(np.expm1(shape * log_rarity) / shape if shape else log_rarity)


def _excess(log_rarity: Floats | float, shape: float) -> Floats:
    """Return ((S₀ / S)^ξ - 1) / ξ, the distance from the outermost quantile over σ, of log(S₀ / S)."""
    return np.asarray(np.expm1(shape * np.asarray(log_rarity)) / shape if shape else log_rarity)


def _log_rarity(distance: Floats, scale: float, shape: float) -> Floats:
    """Return log(S₀ / S) of distances beyond the outermost quantile: the inverse of `_excess`."""
    if scale == 0.0:
        return np.where(distance > 0.0, np.inf, 0.0)
    ratio = np.maximum(distance, 0.0) / scale
    if not shape:
        return np.asarray(ratio)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(np.maximum(shape * ratio, -1.0)) / shape)
