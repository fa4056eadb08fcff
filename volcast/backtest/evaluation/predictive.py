"""Scores of whole predictive distributions of the log of realized volatility: PIT, CRPS and pinball loss.

A forecast has three quantiles: median and both bounds of the interval. PIT and CRPS need the distribution between and beyond
them, which is taken as two halves of normal distributions, joined at the median, so that it has all three quantiles:

    F(x) = Φ((x - m) / s₁) below the median m, Φ((x - m) / s₂) above it,   s₁ = (m - l) / z,   s₂ = (u - m) / z

with z = Φ⁻¹((1 + level) / 2). It resembles the two-piece normal distribution of central banks' fan charts (K. Wallis, An
Assessment of Bank of England and National Institute Inflation Forecast Uncertainties, National Institute Economic Review 189,
2004), whose halves are joined at the mode and can't have any three quantiles. Arrays are (n,), in the order of time.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.arrays import Floats

PIT_BINS = 20
_HALF_SQUARED = (np.sqrt(2.0) - 1.0) / (2.0 * np.sqrt(np.pi))
"""∫ Φ(x)² dx up to 0."""
_NARROWEST = 1e-12
"""Of a half whose bound equals the median, so that nothing is divided by 0."""


class LogVolatilityForecasts(NamedTuple):
    """The logs of forecast quantiles of realized volatility, and the nominal level of the interval between the bounds."""

    median: Floats
    lower: Floats
    upper: Floats
    level: float


def pit(y: Floats, forecast: LogVolatilityForecasts) -> Floats:
    """Return the probability that the forecast gave to values up to y: uniform on [0, 1] if the forecasts are right.

    Reference: A. Dawid, Statistical Theory: the Prequential Approach, J. Royal Statistical Society A 147 (1984).

    >>> forecast = LogVolatilityForecasts(*np.array([[0.0], [-1.0], [2.0]]), 0.9)
    >>> [round(float(pit(np.array([y]), forecast)[0]), 3) for y in (-1.0, 0.0, 1.0, 2.0)]
    [0.05, 0.5, 0.795, 0.95]
    """
    z, _ = _standardized(y, forecast)
    return np.asarray(ndtr(z))


def crps(y: Floats, forecast: LogVolatilityForecasts) -> Floats:
    """Return ∫ (F(x) - [x ≥ y])² dx of each outcome, in the unit of y; smaller is better, and the true distribution is best.

    Of a normal distribution it is s·(z·(2Φ(z) - 1) + 2φ(z) - 1/√π); where the half beyond the median has another s, the integral
    over that half, ∫Φ² = (√2 - 1) / (2√π) in its unit, is exchanged.

    Reference: T. Gneiting & A. Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, J. American Statistical
    Association 102 (2007).
    """
    z, (own, other) = _standardized(y, forecast)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    normal = z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi)
    return np.asarray(own * normal + (other - own) * _HALF_SQUARED)


def pinball(y: Floats, quantile: Floats, probability: float | Floats) -> Floats:
    """Return (p - [y < q])·(y - q) of each outcome, in the unit of y; on average the true quantile has the smallest.

    Arrays of any shapes that fit together: with y (m, 1), quantiles (m, k) and probabilities (k,) of each outcome and level.

    Reference: R. Koenker & G. Bassett, Regression Quantiles, Econometrica 46 (1978).

    >>> [round(float(loss), 3) for loss in pinball(np.array([1.0, 3.0]), np.array([2.0, 2.0]), 0.9)]
    [0.1, 0.9]
    """
    return np.asarray((probability - (y < quantile)) * (y - quantile))


def pit_counts(values: Floats) -> list[int]:
    """Return how many PIT values fall into each of `PIT_BINS` bins of equal width; the last one includes 1."""
    counts, _ = np.histogram(values, PIT_BINS, (0.0, 1.0))
    return [int(each) for each in counts]


def distance_from_uniform(values: Floats) -> float:
    """Return the largest difference of the values' distribution from the uniform one, as Kolmogorov and Smirnov measure it.

    It has no p-value here: neighbouring outcomes are not independent. NaN of an empty array.
    """
    if not values.size:
        return np.nan
    ranks = np.arange(values.size + 1) / values.size
    ordered = np.sort(values)
    return float(max((ranks[1:] - ordered).max(), (ordered - ranks[:-1]).max()))


def _standardized(y: Floats, forecast: LogVolatilityForecasts) -> tuple[Floats, tuple[Floats, Floats]]:
    """Return z of y, and the scales of the half in which it lies and of the other one."""
    z = ndtri(0.5 + 0.5 * forecast.level)
    below = np.maximum((forecast.median - forecast.lower) / z, _NARROWEST)
    above = np.maximum((forecast.upper - forecast.median) / z, _NARROWEST)
    high = y >= forecast.median
    own, other = np.where(high, above, below), np.where(high, below, above)
    return (y - forecast.median) / own, (own, other)
