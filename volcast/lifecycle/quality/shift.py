"""How a day's values compare with those of the month before: the population stability index of their shape, and their scale.

Markets have loud and quiet days, so that the plain index would be above the usual limit of 0.25 on half of all days. What is
compared is the shape, in units of the median; a change of scale counts only if it is more than a market does.
"""

import numpy as np
from numpy.typing import NDArray

from volcast.core.arrays import Floats

from .gate import ShiftFacts

_TENTHS = 10
_LEAST_SHARE = 1e-4
"""Empty tenths count as this much, so that the index is finite."""


def shift_of(quantity: str, day: Floats, month: Floats) -> ShiftFacts:
    """Return how the values of a day (n,) compare with those of the month before (m,), without those that are not finite."""
    day, month = day[np.isfinite(day)], month[np.isfinite(month)]
    scale, usual = _median(day), _median(month)
    if not (scale > 0.0 and usual > 0.0):
        return ShiftFacts(quantity, None, 0.0 if usual > 0.0 else None, ())
    shares, expected = tenths(day / scale, month / usual)
    shown = (tuple(shares.tolist()), tuple(expected.tolist()))
    return ShiftFacts(quantity, stability_index(shares, expected), scale / usual, *shown)


def tenths(values: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Return the shares of the values and of the reference in each tenth of the reference. Equal bounds are one."""
    bounds = np.unique(np.quantile(reference, np.linspace(0.0, 1.0, _TENTHS + 1)[1:-1]))
    return _shares(values, bounds), _shares(reference, bounds)


def stability_index(shares: Floats, expected: Floats) -> float:
    """Return the population stability index Σ (p - q) log(p / q), 0 for equal shares.

    >>> half = np.array([0.5, 0.5])
    >>> stability_index(half, half), round(stability_index(np.array([0.9, 0.1]), half), 3)
    (0.0, 0.879)
    """
    p, q = np.maximum(shares, _LEAST_SHARE), np.maximum(expected, _LEAST_SHARE)
    return float(((p - q) * np.log(p / q)).sum())


def _median(values: Floats) -> float:
    return float(np.median(values)) if values.size else 0.0


def _shares(values: Floats, bounds: Floats) -> Floats:
    places: NDArray[np.int64] = np.searchsorted(bounds, values, side="right")
    return np.bincount(places, minlength=bounds.size + 1) / values.size
