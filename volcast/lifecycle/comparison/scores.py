"""Scores that are shown and logged but decide nothing: R², RMSE and MAE on the scale of volatility and on that of its logarithm.

Each is of one symbol. Over several symbols at once, R² would mostly say that some markets move more than others.
"""

from math import sqrt

import numpy as np
from msgspec import Struct

from volcast.backtest.interval_scores import covered
from volcast.backtest.scores import BASIS_POINTS, finite_or_none, mae, mean, mse, r_squared

from .outcomes import SymbolOutcomes


class SymbolScores(Struct, frozen=True):
    """The scores of one model for one symbol. RV is realized volatility over the horizon."""

    symbol: str
    outcomes: int
    qlike: float | None
    r2_level: float | None
    """Of RV by the root of the expected variance, without a regression."""
    rmse_level_bp: float | None
    """In 1e-4 of the price."""
    mae_level_bp: float | None
    r2_log: float | None
    """Of log RV by the log of the median; of the root of the expected variance where a model has no median."""
    rmse_log: float | None
    mae_log: float | None
    coverage: float | None
    """Share of RV in its interval."""
    price_coverage: float | None
    """Share of log returns over the horizon in their interval."""


def score_symbol(outcomes: SymbolOutcomes, model: str) -> SymbolScores:
    """Return the scores of a model for one symbol; one that is not defined is None."""
    found, rv = outcomes.models[model], outcomes.volatility
    root = np.sqrt(found.variance)
    median = found.median if np.isfinite(found.median).all() else root
    log_rv, log_median = np.log(rv), np.log(median)
    inside = outcomes.coverage(model)
    price = covered(outcomes.log_return, found.return_lower, found.return_upper)
    has_price = bool(np.isfinite(found.return_lower).all() and np.isfinite(found.return_upper).all())
    values = (
        mean(found.losses),
        r_squared(rv, root),
        sqrt(mse(rv, root)) * BASIS_POINTS,
        mae(rv, root) * BASIS_POINTS,
        r_squared(log_rv, log_median),
        sqrt(mse(log_rv, log_median)),
        mae(log_rv, log_median),
        np.nan if inside is None else mean(inside),
        mean(price) if has_price else np.nan,
    )
    return SymbolScores(outcomes.symbol, rv.size, *map(finite_or_none, values))
