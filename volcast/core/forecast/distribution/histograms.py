"""Histograms that forget: the distributions of a few streams, in bounded memory, with their quantiles at any level."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from math import log
from typing import Any, Final

import numpy as np

from volcast.core.arrays import Floats

HISTOGRAM_BINS: Final = 256
_NEAR, _LARGEST = 0.03, 40.0
_MAX_WEIGHT: Final = 1e6
SHAPE_LEVELS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    *(0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995, 0.9975, 0.999),
)
"""The levels of the quantiles from which a histogram may start."""


def _edges() -> Floats:
    """Return HISTOGRAM_BINS + 1 edges: evenly spaced near 0, and in proportion to their size far from it; 0 is one of them."""
    positive = _NEAR * np.sinh(np.linspace(0.0, np.arcsinh(_LARGEST / _NEAR), HISTOGRAM_BINS // 2 + 1))
    return np.concatenate((-positive[:0:-1], positive))


EDGES: Final = _edges()
_EDGE_LIST: Final[list[float]] = EDGES.tolist()


class ForgettingHistograms:
    """Histograms of several streams of numbers of about unit size, on one fixed grid, with exponentially falling weights.

    A value z counts in the bin whose lower edge < z ≤ its upper edge, and beyond the grid in the outermost bin, so that the state
    is bounded and an absurd value counts no more than another. Within a bin, the distribution is uniform.

    Args:
        starts: For each stream, ascending quantiles (len(SHAPE_LEVELS),) of the distribution to start from.
        start_weight: Its weight, in values.
        half_life: The number of values after which one counts half.

    >>> histograms = ForgettingHistograms([list(range(-14, 15))], start_weight=1.0, half_life=1e9)
    >>> for z in range(2_000):
    ...     histograms.push((z % 10 - 4.5,))
    >>> quantiles = histograms.quantiles(np.array([[0.1, 0.5, 0.9]]))
    >>> [round(float(each), 1) for each in quantiles[0]]
    [-4.4, 0.0, 4.4]
    """

    def __init__(self, starts: Sequence[Sequence[float]], start_weight: float, half_life: float) -> None:
        self.counts = [array("d", (start_weight * _masses(tuple(start))).tobytes()) for start in starts]
        """By stream and bin. Values come one at a time, which NumPy takes slowly; lists would need four times the memory."""
        self._weight = 1.0
        """The weight of the next value: rather than the old ones shrinking, the new ones grow."""
        self._growth = 2.0 ** (1.0 / half_life)

    def push(self, values: Sequence[float]) -> None:
        """Add the next value of each stream."""
        self._weight *= self._growth
        for counts, z in zip(self.counts, values, strict=True):
            counts[min(max(bisect_left(_EDGE_LIST, z) - 1, 0), HISTOGRAM_BINS - 1)] += self._weight
        if self._weight > _MAX_WEIGHT:
            self.counts = [array("d", [count / self._weight for count in counts]) for counts in self.counts]
            self._weight = 1.0

    def quantiles(self, levels: Floats) -> Floats:
        """Return the quantiles at levels between 0 and 1, both (streams, levels)."""
        cumulative = np.zeros((len(self.counts), HISTOGRAM_BINS + 1))
        np.cumsum(self.counts, axis=1, out=cumulative[:, 1:])
        return np.array([np.interp(at * row[-1], row, EDGES) for at, row in zip(levels, cumulative, strict=True)])

    def dump(self) -> dict[str, Any]:
        """Return the state as a number and a raw array."""
        return {"counts": np.array(self.counts).tobytes(), "weight": self._weight}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        rows = np.frombuffer(state["counts"], np.float64).reshape(len(self.counts), HISTOGRAM_BINS)
        self.counts = [array("d", row.tobytes()) for row in rows]
        self._weight = float(state["weight"])


@lru_cache(maxsize=256)
def _masses(quantiles: tuple[float, ...]) -> Floats:
    """Return the probability (HISTOGRAM_BINS,) of each bin, given quantiles at `SHAPE_LEVELS`; tails beyond are exponential.

    It is cached: all symbols start from the same shapes, and it would be a tenth of the time in which a snapshot is restored.
    """
    if len(quantiles) != len(SHAPE_LEVELS):
        raise ValueError(f"a shape has {len(SHAPE_LEVELS)} quantiles, found {len(quantiles)}")
    below = np.interp(EDGES, quantiles, SHAPE_LEVELS)
    (low, lower), (upper, high) = quantiles[:2], quantiles[-2:]
    fall_low = max(lower - low, 1e-3) / log(SHAPE_LEVELS[1] / SHAPE_LEVELS[0])
    fall_high = max(high - upper, 1e-3) / log((1.0 - SHAPE_LEVELS[-2]) / (1.0 - SHAPE_LEVELS[-1]))
    left, right = low > EDGES, high < EDGES
    below[left] = SHAPE_LEVELS[0] * np.exp((EDGES[left] - low) / fall_low)
    below[right] = 1.0 - (1.0 - SHAPE_LEVELS[-1]) * np.exp((high - EDGES[right]) / fall_high)
    below[0], below[-1] = 0.0, 1.0
    return np.diff(below)


def laplace_quantile(level: float) -> float:
    """Return the quantile at `level` (0 to 1) of a Laplace distribution with mean 0 and mean absolute value 1.

    >>> round(laplace_quantile(0.95), 3), laplace_quantile(0.5) == 0.0
    (2.303, True)
    """
    tail = min(level, 1.0 - level)
    size = -log(2.0 * tail)
    return size if level > tail else -size


def exponential_quantile(level: float) -> float:
    """Return the quantile at `level` (0 to 1) of an exponential distribution with mean 1.

    >>> round(exponential_quantile(0.75), 3)
    1.386
    """
    return -log(1.0 - level)
