"""Scores of variance forecasts: losses, R², and a test of whether one model beats another by more than chance.

Arrays are (n,) float64, one entry for each outcome, in order of time; outcomes do not overlap. A score that is not defined for
its input (empty, or constant) is NaN: no function here raises or warns.
"""

from math import erfc, isfinite

import numpy as np
from numpy.typing import NDArray

from volcast.core.arrays import Floats

BASIS_POINTS = 1e4
DM_LAGS = 24
"""Hourly losses are correlated for about a day."""
_CONSTANT = 1e-24
"""A variance below this share of the squared mean is a rounding error."""


def qlike_losses(realized_variance: Floats, variance: Floats) -> Floats:
    """Return the loss of each outcome, QLIKE = RV²/f - log(RV²/f) - 1, of RV² and f = E[RV²]; both are positive.

    It is 0 for a perfect forecast and positive otherwise, and ranks models correctly although RV² is a noisy proxy: A. Patton,
    Volatility Forecast Comparison Using Imperfect Volatility Proxies, J. Econometrics 160 (2011).

    >>> [round(float(loss), 3) for loss in qlike_losses(np.array([1.0, 2.0, 1.0]), np.array([1.0, 1.0, 2.0]))]
    [0.0, 0.307, 0.193]
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ratio = realized_variance / variance
        loss = ratio - np.log(ratio) - 1.0
    return np.maximum(loss, 0.0)  # by rounding, a perfect forecast's loss may be negative


def finite_or_none(score: float) -> float | None:
    """Return the score, or None for NaN and infinity, which JSON does not have."""
    return float(score) if isfinite(score) else None


def mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    """Return the arithmetic mean; NaN of an empty array."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean(values)) if values.size else np.nan


def mse(y: Floats, forecast: Floats) -> float:
    """Return the mean of (y - ŷ)², in the squared unit of y."""
    return mean((y - forecast) ** 2)


def mae(y: Floats, forecast: Floats) -> float:
    """Return the mean of |y - ŷ|, in the unit of y."""
    return mean(np.abs(y - forecast))


def r_squared(y: Floats, forecast: Floats) -> float:
    """Return 1 - mean (y - ŷ)² / var y of the forecast itself, without a regression; it may be negative, without bound.

    >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))
    0.5
    """
    spread = float(np.var(y)) if y.size else 0.0
    return 1.0 - mse(y, forecast) / spread if spread > _CONSTANT * mean(y) ** 2 else np.nan


def slope(y: Floats, forecast: Floats) -> float:
    """Return the slope of the linear regression of y on its forecast.

    >>> slope(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    0.5
    """
    spread = float(np.var(forecast)) if forecast.size else 0.0
    if not spread > _CONSTANT * mean(forecast) ** 2:
        return np.nan
    return mean((y - mean(y)) * (forecast - mean(forecast))) / spread


def diebold_mariano(losses: Floats, other: Floats, lags: int = DM_LAGS) -> float:
    """Return the z of the mean difference of two models' losses, about normal(0, 1) where both models are equally good.

    It is negative where the first model is better; beyond ±2, chance is unlikely. NaN where `hac_z` is.

    Reference: F. Diebold & R. Mariano, Comparing Predictive Accuracy, J. Business & Economic Statistics 13 (1995).
    """
    return hac_z(losses - other, lags)


def hac_z(values: Floats, lags: int = DM_LAGS) -> float:
    """Return z = d̄ / √(s / n), about normal(0, 1) where the mean of the values d is 0 although neighbours are correlated.

    s is the long-run variance of d,

        s = γ₀ + 2 Σ_{k=1..lags} (1 - k / (lags + 1)) γ_k,   γ_k = 1/n Σ_i (d_i - d̄)(d_{i-k} - d̄)

    It is NaN for at most `lags` values, and where they are constant or not finite.

    Reference: W. Newey & K. West, A Simple, Positive Semi-Definite, Heteroskedasticity and Autocorrelation Consistent Covariance
    Matrix, Econometrica 55 (1987).
    """
    n = values.size
    if n <= lags or not np.isfinite(values).all():
        return np.nan
    centre = mean(values)
    error = values - centre
    covariances = [float(error[lag:] @ error[: n - lag]) / n for lag in range(lags + 1)]
    weights = [1.0, *(2.0 * (1.0 - lag / (lags + 1)) for lag in range(1, lags + 1))]
    variance = sum(weight * covariance for weight, covariance in zip(weights, covariances, strict=True))
    return centre / float(np.sqrt(variance / n)) if variance > _CONSTANT * centre**2 else np.nan


def two_sided_p(z: float) -> float:
    """Return the probability that a normal(0, 1) variable is further from 0 than z."""
    return float(erfc(abs(z) / np.sqrt(2.0)))
