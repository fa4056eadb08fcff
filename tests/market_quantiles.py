"""Quantiles of a market whose distribution is known: a lognormal volatility times a Brownian motion."""

from functools import cache

import numpy as np

from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS, Quantiles


@cache
def mixture_quantiles(
    volatility: float = 0.004, log_std: float = 0.4, steps: int = 240, levels: tuple[float, ...] = QUANTILE_LEVELS
) -> Quantiles:
    """Return the quantiles of a horizon by a simulation of 40 000 paths.

    `volatility` is the median of realized volatility, `log_std` the standard deviation of its logarithm.
    """
    random = np.random.default_rng(1)
    count = 40_000
    rv = volatility * np.exp(log_std * random.standard_normal(count))
    path = np.cumsum(random.standard_normal((count, steps), dtype=np.float32), axis=1)
    path = np.concatenate((path, -path))  # a symmetric market
    scale = np.concatenate((rv, rv)) / np.sqrt(steps)

    def quantiles(x: np.ndarray) -> tuple[float, ...]:
        return tuple(np.quantile(x, levels).tolist())

    return Quantiles(
        levels,
        quantiles(path[:, -1] * scale),
        quantiles(np.maximum(path.max(axis=1), 0.0) * scale),
        quantiles(np.minimum(path.min(axis=1), 0.0) * scale),
        quantiles(rv),
    )
