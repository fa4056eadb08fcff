"""Value at risk and expected shortfall of a whole distribution, for a long and for a short position, and tests of both.

Losses are shares of the price at which the forecast was made. Value at risk (VaR) is the loss that is exceeded with a given
probability; expected shortfall (ES) is the mean loss where it is exceeded. Both are those of the forecast distribution, so that
nothing of the past is needed.
"""

from collections.abc import Sequence

import numpy as np

from volcast.backtest.evaluation.tail_risk import Losses, TailRisk, tail_risk
from volcast.core.arrays import Floats
from volcast.core.forecast.distribution.continuous import RETURN_TAILS

from .rows import DistributionRows

PROBABILITIES = (0.05, 0.025, 0.01)


def shortfalls_of(model: str, levels: Sequence[float], quantiles: Floats, log_return: Floats, scale: Floats) -> list[TailRisk]:
    """Return VaR and ES at each of `PROBABILITIES`, first of all long positions.

    Args:
        model: Whose forecast it is.
        levels: (k,)
        quantiles: (m, k) of the log return.
        log_return: (m,) what came true, without overlap, in order of time.
        scale: (m,) forecast volatility, in which the residuals of McNeil & Frey's test are measured.

    References: `tail_risk`; C. Acerbi & B. Szekely, Backtesting Expected Shortfall, Risk 27 (2014), test 2.
    """
    rows = DistributionRows(levels, quantiles, RETURN_TAILS)
    scored = np.ones(log_return.size, np.bool_)
    ratio = np.exp(log_return)
    long = [
        tail_risk(
            model,
            "long",
            Losses(1.0 - ratio, 1.0 - np.exp(rows.quantile(probability)), scale, shortfall=1.0 - rows.mean_below(probability)),
            scored,
            probability,
        )
        for probability in PROBABILITIES
    ]
    short = [
        tail_risk(
            model,
            "short",
            Losses(
                ratio - 1.0,
                np.exp(rows.quantile(1.0 - probability)) - 1.0,
                scale,
                shortfall=rows.mean_above(1.0 - probability) - 1.0,
            ),
            scored,
            probability,
        )
        for probability in PROBABILITIES
    ]
    return [*long, *short]
