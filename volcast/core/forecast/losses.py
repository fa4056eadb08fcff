"""The loss of a variance forecast. It is a file of its own because signals, backtests and benches use it without a learner."""

from math import log

from volcast.core.market.features import VARIANCE_FLOOR


def qlike(realized_variance: float, variance: float, horizon_minutes: int) -> float:
    """Return QLIKE = RV/f - log(RV/f) - 1 of two variances over a horizon: 0 for a perfect forecast, else positive.

    Its ranking of forecasts is robust to noise in RV. A realized variance below `VARIANCE_FLOOR` per minute counts as that floor.

    References: A. Patton, Volatility Forecast Comparison Using Imperfect Volatility Proxies, J. Econometrics 160 (2011).

    >>> qlike(4e-5, 4e-5, 60)
    0.0
    """
    ratio = max(realized_variance, horizon_minutes * VARIANCE_FLOOR) / variance
    return ratio - log(ratio) - 1
