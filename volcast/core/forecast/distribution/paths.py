"""Scenario paths: minute paths over the horizon that agree with its distribution.

A raw path has the returns

    r[m] = √share[m] · exp(x[m] + y[m] + 0.25·e[m]) · n[m],    x[m] = 0.97·x[m-1] + 0.08·c[m],    y[m] = 0.6·y[m-1] + 0.22·d[m]

with independent normal n, c and d and exponential e: volatility is known now and becomes uncertain, in bursts, in gusts of some
minutes and in single minutes. Then each path is adjusted, by its rank among all paths, to the quantiles of the forecast:

 1. its returns are scaled to a realized volatility;
 2. drift is added, and the rest rescaled, so that it ends at a return; that of a volatile path is larger: quiet hours bounce;
 3. what lies above both its start and its end is stretched or shrunk to a highest high, what lies below both to a lowest low;
 4. it is made rougher or smoother, so that it has its realized volatility again. 3 and 4 are repeated.

So the four distributions are the forecast's, and the dependence between them is that of the raw paths. The constants are such
that kurtosis and clustering of minutes, sizes of steps of 1 to 60 minutes, the rank correlations of |return| and realized
volatility (0.41), of return and high (0.78) and of high and low (0.67) are about those of BTCUSDT in 2023 and 2024.

Within a minute the price is a Brownian bridge, whose extremes are drawn exactly.

References: I. Karatzas & S. Shreve, Brownian Motion and Stochastic Calculus (1991), 2.8 (the maximum of a bridge); M. Clark et
al., The Schaake Shuffle, J. Hydrometeorology 5 (2004) (marginal distributions by rank).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator, default_rng

from volcast.core.arrays import Floats

from .continuous import HIGH_TAILS, LOW_TAILS, RETURN_TAILS, ContinuousDistribution
from .quantiles import Quantiles
from .questions import volatility_distribution

_BURST, _GUST = (0.97, 0.08), (0.6, 0.22)
"""The memory from one minute to the next of x and y, and the standard deviations of what is new in a minute."""
_IMPULSE: Final = 0.25
_BRIDGE: Final = 0.5
"""The variance that moves high and low within a minute over that of the minute's return: prices move in ticks."""
_TREND, _CALMEST, _WILDEST = 0.4, 0.6, 2.5
"""A path's return grows with this power of its realized volatility, relative to the median path's within these bounds."""
_ONE_SIDED: Final = 0.1
"""By so much of its return a path ranks higher among the highest highs and the lowest lows: a market that moves does so in one
direction more than a random walk."""
_TINY: Final = 1e-300
_ROUNDS: Final = 3
_MAX_STRETCH, _MAX_SMOOTHING, _MAX_ROUGHENING = 3.0, 0.6, 2.0
MAX_CANDLES: Final = 20_000_000
"""The largest number of minutes of all paths together: gigabytes of memory, some seconds."""


class Paths(NamedTuple):
    """Minute candles of scenarios, in the quote currency; the open of a minute is the close before it."""

    close: Floats
    """(count, H + 1): the close now, and those of the next H minutes."""
    high: Floats
    """(count, H)."""
    low: Floats
    """(count, H)."""

    def log_return(self) -> Floats:
        """Return (count,): log(last close / first close)."""
        return np.asarray(np.log(self.close[:, -1] / self.close[:, 0]))

    def realized_volatility(self) -> Floats:
        """Return (count,): the square root of the sum of squared one-minute log returns."""
        return np.asarray(np.sqrt((np.diff(np.log(self.close), axis=1) ** 2).sum(axis=1)))


def draw_paths(quantiles: Quantiles, close: float, shares: Floats, count: int, seed: int | Generator) -> Paths:
    """Draw scenario paths: minute candles over the horizon. The same seed gives the same paths on one kind of CPU.

    Args:
        quantiles: The forecast.
        close: The price now, in the quote currency.
        shares: (H,): the expected share of each minute in the horizon's variance; see `minute_shares`.
        count: The number of paths.
        seed: A seed, or a generator, whose state it changes.

    Raises ValueError if an argument is out of range.
    """
    if not (np.isfinite(close) and close > 0.0):
        raise ValueError(f"a close must be above 0; got {close}")
    if shares.ndim != 1 or not len(shares) or not (np.isfinite(shares).all() and (shares > 0.0).all()):
        raise ValueError("each minute's share of the variance must be above 0")
    if not 1 <= count <= MAX_CANDLES // len(shares):
        raise ValueError(f"the number of paths must be from 1 to {MAX_CANDLES // len(shares)}; got {count}")
    random = default_rng(seed)
    weights = (shares / shares.sum())[:, np.newaxis]
    returns, deviations = _raw(weights, count, random)
    volatility = np.exp(_by_rank(np.sqrt((returns * returns).sum(axis=0)), volatility_distribution(quantiles), random))
    log_return = ContinuousDistribution(quantiles.levels, quantiles.log_return, RETURN_TAILS)
    log_high = ContinuousDistribution(quantiles.levels, quantiles.log_high, HIGH_TAILS)
    log_low = ContinuousDistribution(quantiles.levels, quantiles.log_low, LOW_TAILS)
    scale = volatility / np.sqrt((returns * returns).sum(axis=0))
    returns *= scale
    deviations *= scale
    trend = (volatility / np.median(volatility).clip(min=_TINY)).clip(_CALMEST, _WILDEST) ** _TREND
    end = _by_rank(returns.sum(axis=0) * trend, log_return, random)
    spread = _bridges(deviations, random)
    _steer(returns, weights, end, volatility)
    path, high, low = _with_extremes(returns, spread)
    highest = _by_rank(high.max(axis=0) + _ONE_SIDED * end, log_high, random)
    lowest = _by_rank(low.min(axis=0) + _ONE_SIDED * end, log_low, random)
    _stretch((path, high, low), end, highest, lowest)
    for _ in range(_ROUNDS):  # stretching changes the realized volatility, and roughening the extremes, each time less
        returns = _roughen(path, volatility)
        path, high, low = _with_extremes(returns, spread)
        _stretch((path, high, low), end, highest, lowest)
    prices = [close * np.exp(each.T) for each in (path, high, low)]
    return Paths(np.concatenate((np.full((count, 1), close), prices[0]), axis=1), prices[1], prices[2])


def _raw(weights: Floats, count: int, random: Generator) -> tuple[Floats, Floats]:
    """Return raw returns (H, count), and the standard deviations that they were drawn with."""
    shape = (len(weights), count)
    log_volatility = np.zeros(shape)
    for memory, size in (_BURST, _GUST):
        state = random.standard_normal(shape)
        state *= size
        variances = np.full(len(weights), size**2)
        for minute in range(1, len(weights)):
            state[minute] += memory * state[minute - 1]
            variances[minute] += memory**2 * variances[minute - 1]
        log_volatility += state
        log_volatility -= variances[:, np.newaxis]  # so that each minute keeps its share of the expected variance
    impulse = random.standard_exponential(shape)
    impulse *= _IMPULSE
    log_volatility += impulse
    deviations = np.exp(log_volatility, out=log_volatility)
    deviations *= np.sqrt(weights)
    return deviations * random.standard_normal(shape), deviations


def _by_rank(values: Floats, law: ContinuousDistribution, random: Generator) -> Floats:
    """Return draws (count,) from the distribution, ordered as the values are, one in each of `count` equally likely strata."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values)] = np.arange(len(values))
    return law.quantile((ranks + random.uniform(1e-9, 1.0, len(values))) / len(values))


def _steer(returns: Floats, weights: Floats, end: Floats, volatility: Floats) -> None:
    """Change the returns (H, count) to β·r + δ·w, so that they sum to `end` and their squares to `volatility`².

    If the end cannot be reached with so little volatility, the path is a straight line to it.
    """
    start, cross, norm = returns.sum(axis=0), (returns * weights).sum(axis=0), float((weights**2).sum())
    a = volatility**2 - 2 * start * cross + start**2 * norm
    b = end * cross - end * start * norm
    c = end**2 * norm - volatility**2
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    beta = np.where((c < 0.0) & (a > 0.0), (root - b) / np.where(a > 0.0, a, 1.0), 0.0)
    returns *= beta
    returns += weights * (end - beta * start)


def _bridges(deviations: Floats, random: Generator) -> tuple[Floats, Floats]:
    """Return two random numbers (H, count) for the extremes of each minute: 2·variance·(standard exponential)."""
    variances = deviations * deviations
    variances *= 2 * _BRIDGE
    above, below = random.standard_exponential(variances.shape), random.standard_exponential(variances.shape)
    above *= variances
    below *= variances
    return above, below


def _with_extremes(returns: Floats, spread: tuple[Floats, Floats]) -> tuple[Floats, Floats, Floats]:
    """Return the path (H, count), and the highest and the lowest values of the bridges between its points."""
    path = np.cumsum(returns, axis=0)
    middle, squares = path - returns / 2, returns * returns
    above, below = (np.sqrt(each + squares) for each in spread)
    above /= 2
    above += middle
    below /= -2
    below += middle
    return path, above, below


def _stretch(paths: tuple[Floats, Floats, Floats], end: Floats, highest: Floats, lowest: Floats) -> None:
    """Stretch, in place, what lies above both start and end up to the highest value, and what lies below both to the lowest."""
    _, high, low = paths
    top, bottom = np.maximum(end, 0.0), np.minimum(end, 0.0)
    up, down = _factor(high.max(axis=0) - top, highest - top), _factor(bottom - low.min(axis=0), bottom - lowest)
    for values in paths:
        _stretch_outside(values, bottom, top, down, up)


def _stretch_outside(values: Floats, bottom: Floats, top: Floats, down: Floats, up: Floats) -> None:
    inside = np.clip(values, bottom, top)
    values -= inside
    values *= np.where(values > 0.0, up, down)
    values += inside


def _roughen(path: Floats, volatility: Floats) -> Floats:
    """Return the returns (H, count) of the path after moving each point away from the mean of its neighbours, or towards it.

    By so much that the realized volatility becomes what is wanted; the end stays where it is.
    """
    returns = np.diff(path, axis=0, prepend=0.0)
    bends = np.zeros_like(returns)
    bends[:-1] = (returns[:-1] - returns[1:]) / 2
    change = np.diff(bends, axis=0, prepend=0.0)
    a, b = (change * change).sum(axis=0), (returns * change).sum(axis=0)
    c = (returns * returns).sum(axis=0) - volatility**2
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    strength = np.where(a > 0.0, (root - b) / np.where(a > 0.0, a, 1.0), 0.0)
    returns += np.clip(strength, -_MAX_SMOOTHING, _MAX_ROUGHENING) * change
    return returns


def _factor(room: Floats, wanted: Floats) -> Floats:
    return np.asarray(np.clip(wanted / np.where(room > 0.0, room, 1.0), 0.0, _MAX_STRETCH))
