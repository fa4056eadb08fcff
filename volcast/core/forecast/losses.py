"""What a forecast costs."""

from math import log

from volcast.core.market.features import VARIANCE_FLOOR


def qlike(realized_variance: float, variance: float, horizon_minutes: int) -> float:
    """RV/f - log(RV/f) - 1: 0 for a perfect forecast, robust to noise in RV (Patton, 2011). A flat horizon counts as the floor.

    >>> qlike(4e-5, 4e-5, 60)
    0.0
    """
    ratio = max(realized_variance, horizon_minutes * VARIANCE_FLOOR) / variance
    return ratio - log(ratio) - 1
