"""One model's forecasts and what became of them, at the scored candles alone."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .interval_scores import Booleans, covered
from .scores import Floats, qlike_losses
from .tracks import Track, Truth


class Interval(NamedTuple):
    """Bounds, and whether they held."""

    bounds: tuple[Floats, Floats]
    inside: Booleans


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Arrays are (m,), one entry an outcome; None is what the model does not forecast."""

    volatility: Floats
    """Realized."""
    variance: Floats
    """Expected."""
    losses: Floats
    """QLIKE."""
    median: Floats | None
    interval: Interval | None
    price_interval: Interval | None


def gather(truth: Truth, track: Track, at: NDArray[np.int64]) -> Outcomes:
    """Of the selected candles; there a column is filled throughout or it is not there."""
    volatility = np.sqrt(truth.realized_variance[at])
    variance = track.variance[at]
    median = track.median[at]
    return Outcomes(
        volatility=volatility,
        variance=variance,
        losses=qlike_losses(truth.realized_variance[at], variance),
        median=median if np.isfinite(median).all() else None,
        interval=_interval(volatility, track.lower[at], track.upper[at]),
        price_interval=_interval(truth.log_return[at], track.return_lower[at], track.return_upper[at]),
    )


def _interval(y: Floats, lower: Floats, upper: Floats) -> Interval | None:
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        return None
    return Interval((lower, upper), covered(y, lower, upper))
