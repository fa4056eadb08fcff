"""Value at risk and expected shortfall over the next horizon, and tests of both.

Value at risk (VaR) is a loss that is exceeded with the probability a = (1 - level) / 2: for whoever is long, the lower price
bound; for whoever is short, the upper one. Losses are log returns against the position. Expected shortfall (ES) is the mean loss
where VaR is exceeded. A forecast of two bounds has no ES of its own: here it is VaR times the mean of loss / VaR over all earlier
exceedances of the model, known when the forecast was made (filtered historical simulation: G. Barone-Adesi, K. Giannopoulos & L.
Vosper, VaR without Correlations for Portfolios of Derivative Securities, J. Futures Markets 19, 1999).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct
from scipy.special import chdtrc  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.interval_scores import Booleans, christoffersen, kupiec
from volcast.backtest.scores import BASIS_POINTS, finite_or_none, hac_z, mean, two_sided_p
from volcast.core.arrays import Floats

MIN_EXCEEDANCES = 20
"""Fewer give no mean worth the name: neither for ES nor for its tests."""
Side = Literal["long", "short"]


class TailRisk(Struct, frozen=True, kw_only=True):
    """VaR and ES of one model and one side. p-values are two-sided: a small one says that the forecast is wrong."""

    model: str
    side: Side
    probability: float
    """The nominal share of exceedances."""
    outcomes: int
    exceedances: int
    mean_var_bp: float | None
    """Mean VaR, in 1e-4."""
    kupiec_p: float | None
    """Of unconditional coverage: is the share of exceedances the nominal one?"""
    christoffersen_p: float | None
    """Of independence: is an exceedance as likely after an exceedance as otherwise?"""
    conditional_p: float | None
    """Of both at once, with two degrees of freedom."""
    es_outcomes: int
    """Outcomes for which ES was known."""
    mean_es_bp: float | None
    """Mean ES, in 1e-4."""
    mean_excess_bp: float | None
    """Mean loss where VaR was exceeded, in 1e-4, over the same outcomes."""
    z2: float | None
    """Acerbi & Szekely's second statistic: 0 if ES is right, negative if losses were larger or more frequent."""
    z2_p: float | None
    residual: float | None
    """Mean of (loss - ES) / forecast volatility over exceedances: 0 if ES is right, positive if losses were larger (A. McNeil &
    R. Frey, Estimation of Tail-Related Risk Measures for Heteroscedastic Financial Time Series, J. Empirical Finance 7, 2000)."""
    residual_p: float | None
    """By a normal distribution of the mean; the paper's is from a bootstrap."""


class Losses(NamedTuple):
    """Forecasts of one side of the return, and what was lost, each (n,), in order of time and without overlap."""

    loss: Floats
    var: Floats
    """Positive."""
    volatility: Floats
    """The forecast volatility over the horizon."""
    shortfall: Floats | None = None
    """The ES that was forecast, by whoever forecasts a whole distribution. Without it, ES is that of `expected_shortfall`."""


def tail_risk(model: str, side: Side, losses: Losses, scored: Booleans, probability: float) -> TailRisk:
    """Return VaR and ES over the scored outcomes; earlier ones that are not scored count in the history of ES, if it has one."""
    es = expected_shortfall(losses) if losses.shortfall is None else losses.shortfall
    exceeded = losses.loss > losses.var
    missed = exceeded[scored]
    unconditional = kupiec(int(missed.sum()), missed.size, 1.0 - probability)
    independence = christoffersen(missed)
    both = unconditional.statistic + independence.statistic
    known = scored & np.isfinite(es)
    tail = known & exceeded
    z2, z2_p = shortfall_statistic(losses.loss[known], exceeded[known], es[known], probability)
    residuals = (losses.loss[tail] - es[tail]) / losses.volatility[tail]
    residual_p = two_sided_p(hac_z(residuals, 0)) if residuals.size >= MIN_EXCEEDANCES else np.nan
    numbers = {
        "mean_var_bp": mean(losses.var[scored]) * BASIS_POINTS,
        "kupiec_p": unconditional.p_value,
        "christoffersen_p": independence.p_value,
        "conditional_p": float(chdtrc(2.0, both)) if np.isfinite(both) else np.nan,
        "mean_es_bp": mean(es[known]) * BASIS_POINTS,
        "mean_excess_bp": mean(losses.loss[tail]) * BASIS_POINTS,
        "z2": z2,
        "z2_p": z2_p,
        "residual": mean(residuals),
        "residual_p": residual_p,
    }
    return TailRisk(
        model=model,
        side=side,
        probability=probability,
        outcomes=missed.size,
        exceedances=int(missed.sum()),
        es_outcomes=int(known.sum()),
        **{name: finite_or_none(value) for name, value in numbers.items()},
    )


def expected_shortfall(losses: Losses) -> Floats:
    """Return ES (n,): VaR times the mean of loss / VaR over the exceedances before; NaN before the first 20 of them.

    Outcomes do not overlap, so that each is known when the next forecast is made.
    """
    exceeded = losses.loss > losses.var
    ratio = np.where(exceeded, losses.loss / losses.var, 0.0)
    count = np.concatenate(([0], np.cumsum(exceeded)[:-1])) if exceeded.size else np.zeros(0, np.int64)
    total = np.concatenate(([0.0], np.cumsum(ratio)[:-1])) if exceeded.size else np.zeros(0)
    enough = count >= MIN_EXCEEDANCES
    return np.where(enough, losses.var * total / np.maximum(count, 1), np.nan)


def shortfall_statistic(loss: Floats, exceeded: Booleans, es: Floats, probability: float) -> tuple[float, float]:
    """Return Z₂ = 1 - 1/n Σ loss·[exceeded] / (a·ES), and its p-value; both are NaN for fewer than 20 exceedances.

    Z₂ has the mean 0 where VaR and ES are right. The paper's p-value is simulated from the forecaster's distribution, which is
    not known here: this one is that of a normal distribution, with the standard error of the mean by Newey & West.

    Reference: C. Acerbi & B. Szekely, Backtesting Expected Shortfall, Risk 27 (2014), test 2.
    """
    if int(exceeded.sum()) < MIN_EXCEEDANCES:
        return np.nan, np.nan
    terms = 1.0 - np.where(exceeded, loss / (probability * es), 0.0)
    return mean(terms), two_sided_p(hac_z(terms))


def sides(log_return: Floats, lower: Floats, upper: Floats, volatility: Floats) -> Sequence[tuple[Side, Losses]]:
    """Return the losses of a long and of a short position, from log returns and their bounds."""
    return ("long", Losses(-log_return, -lower, volatility)), ("short", Losses(log_return, upper, volatility))
