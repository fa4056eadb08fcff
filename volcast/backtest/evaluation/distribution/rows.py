"""Continuous distributions of many forecasts at once: `ContinuousDistribution`, vectorised over the rows of a backtest.

The core makes one distribution at a time, for a question that somebody asks. A backtest asks thousands of forecasts the same
question, and a loop would take longer than the backtest itself. A test compares both.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator  # type: ignore[import-untyped]  # SciPy ships no types
from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]  # as above

from volcast.core.arrays import Floats
from volcast.core.forecast.distribution.continuous import Tails

_BISECTIONS = 50
_NODES = 16
_TAIL_NODES = 48


class DistributionRows:
    """The distributions of values by the quantiles of their logarithms, one for each row.

    Args:
        levels: (k,), ascending.
        log_quantiles: (m, k), finite, ascending in each row.
        tails: The shapes beyond the outermost levels.
    """

    def __init__(self, levels: Sequence[float], log_quantiles: Floats, tails: Tails) -> None:
        self.levels: Floats = np.array(levels)
        self.log_quantiles, self.tails = log_quantiles, tails
        self._z: Floats = ndtri(self.levels)
        self._curve = PchipInterpolator(self._z, log_quantiles, axis=1)
        first, last = self.levels[:2], 1.0 - self.levels[-2:]
        below = log_quantiles[:, 1] - log_quantiles[:, 0]
        self._lower = below / -float(_excess(-np.log(first[1] / first[0]), tails.lower))
        self._top: Floats = np.exp(log_quantiles[:, -1])
        above = self._top - np.exp(log_quantiles[:, -2])
        self._upper = above / -float(_excess(-np.log(last[0] / last[1]), tails.upper))

    def quantile(self, level: float) -> Floats:
        """Return the quantile of the logarithm at a level above 0 and below 1, of each row (m,)."""
        if level < self.levels[0]:
            return self.log_quantiles[:, 0] - self._lower * _excess(np.log(self.levels[0] / level), self.tails.lower)
        if level > self.levels[-1]:
            rarity = np.log((1.0 - self.levels[-1]) / (1.0 - level))
            return np.asarray(np.log(self._top + self._upper * _excess(rarity, self.tails.upper)))
        return np.asarray(self._curve(ndtri(level)))

    def cdf(self, log_value: Floats) -> Floats:
        """Return for each row the probability that the logarithm of the value is at most this (m,)."""
        low, high = self.log_quantiles[:, 0], self.log_quantiles[:, -1]
        inner = ndtr(self._score(np.clip(log_value, low, high)))
        below = self.levels[0] * np.exp(-_log_rarity(low - log_value, self._lower, self.tails.lower))
        excess = np.exp(np.minimum(log_value, 700.0)) - self._top
        above = (1.0 - self.levels[-1]) * np.exp(-_log_rarity(excess, self._upper, self.tails.upper))
        outer = np.where(log_value > high, 1.0 - above, inner)
        return np.asarray(np.where(log_value < low, below, outer))

    def mean_below(self, level: float) -> Floats:
        """Return the mean of the value, not of its logarithm, where it is below its quantile at `level`, of each row (m,)."""
        first, last = float(self.levels[0]), float(self.levels[-1])
        total = self._tail_below(min(level, first))
        if level > first:
            total = total + self._between(first, min(level, last))
        if level > last:
            total = total + self._tail_above(1.0 - last) - self._tail_above(1.0 - level)
        return total / level

    def mean_above(self, level: float) -> Floats:
        """Return the mean of the value where it is above its quantile at `level`, of each row (m,)."""
        first, last = float(self.levels[0]), float(self.levels[-1])
        total = self._tail_above(1.0 - max(level, last))
        if level < last:
            total = total + self._between(max(level, first), last)
        if level < first:
            total = total + self._tail_below(first) - self._tail_below(level)
        return total / (1.0 - level)

    def _score(self, x: Floats) -> Floats:
        """Return the normal score at which the curve of each row is x (m,), which lies between its outermost quantiles."""
        piece = np.clip((self.log_quantiles <= x[:, None]).sum(axis=1) - 1, 0, self.levels.size - 2)
        cubic, square, linear, constant = self._curve.c[:, piece, np.arange(x.size)]
        low, high = np.zeros(x.size), np.diff(self._z)[piece]
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2.0
            is_below = ((cubic * middle + square) * middle + linear) * middle + constant <= x
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return np.asarray(self._z[piece] + low)

    def _between(self, begin: float, end: float) -> Floats:
        """Return ∫ value(p) dp between two inner levels, by Gauss-Legendre quadrature on each piece of the curve."""
        first, last = ndtri((begin, end))
        cuts = np.concatenate(([first], self._z[(self._z > first) & (self._z < last)], [last]))
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        total = np.zeros(self._top.size)
        for left, right in pairwise(cuts.tolist()):
            z = (left + right) / 2.0 + (right - left) / 2.0 * nodes
            density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
            total += np.exp(self._curve(z)) @ (density * weights * (right - left) / 2.0)
        return total

    def _tail_below(self, level: float) -> Floats:
        """Return ∫ value(p) dp from 0 to a level in the lower tail, by Gauss-Laguerre quadrature."""
        nodes, weights = np.polynomial.laguerre.laggauss(_TAIL_NODES)
        excess = _excess(np.log(float(self.levels[0]) / level) + nodes, self.tails.lower)
        return np.asarray(level * np.exp(self.log_quantiles[:, :1] - self._lower[:, None] * excess) @ weights)

    def _tail_above(self, share: float) -> Floats:
        """Return ∫ value(p) dp over the uppermost `share`, which lies in the upper tail."""
        shape = self.tails.upper
        rarity = np.log((1.0 - float(self.levels[-1])) / share)
        mean_excess = _excess(rarity, shape) + np.exp(shape * rarity) / (1.0 - shape)
        return np.asarray(share * (self._top + self._upper * mean_excess))


def _excess(log_rarity: Floats | float, shape: float) -> Floats:
    """Return ((S₀ / S)^ξ - 1) / ξ of log(S₀ / S): the distance from the outermost quantile in the scale of the tail."""
    return np.asarray(np.expm1(shape * np.asarray(log_rarity)) / shape if shape else log_rarity)


def _log_rarity(distance: Floats, scale: Floats, shape: float) -> Floats:
    """Return log(S₀ / S) of distances beyond the outermost quantile; infinite beyond the end of a tail."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(distance > 0.0, distance / scale, 0.0)
        return np.asarray(np.log1p(np.maximum(shape * ratio, -1.0)) / shape if shape else ratio)
