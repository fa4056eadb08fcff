"""Realized variance over four windows that end now: the regressors of the HAR models.

Each is a mean of squared one-minute log returns. The state is bounded: minutes for the last hour, buckets of 15 minutes for four
hours and a day, buckets of an hour for a week. A window counts observed minutes; a gap adds nothing to it.

References: F. Corsi, A Simple Approximate Long-Memory Model of Realized Volatility, J. Financial Econometrics 7 (2009).
"""

from math import fsum
from typing import Any, Final

import numpy as np

from .features import PRIOR_VARIANCE, VARIANCE_FLOOR

PRIOR_MINUTES: Final = 10
"""A window with fewer minutes is filled up to this number with the prior variance."""
WINDOWS: Final = {"variance_1h": (1, 60), "variance_4h": (15, 16), "variance_1d": (15, 96), "variance_7d": (60, 168)}
"""Minutes of a bucket and number of closed buckets, by window: Corsi's day and week, with one and four hours added."""


class BucketWindow:
    """The mean of the last `buckets` × `minutes` values, kept in buckets of `minutes`, and of those in the open bucket.

    Whenever a bucket closes, the sum of the closed ones is computed anew with correct rounding, so that no error accumulates.

    >>> window = BucketWindow(minutes=2, buckets=3)
    >>> for value in range(9):
    ...     window.push(float(value))
    >>> window.total, window.count
    (35.0, 7)
    """

    def __init__(self, minutes: int, buckets: int) -> None:
        self.minutes = minutes
        self.closed = np.zeros(buckets)
        self.closed_count = 0
        self.open_sum = 0.0
        self.open_count = 0
        self._closed_sum = 0.0

    def push(self, value: float) -> None:
        """Add one minute's value."""
        self.open_sum += value
        self.open_count += 1
        if self.open_count == self.minutes:
            self.closed[self.closed_count % len(self.closed)] = self.open_sum
            self.closed_count += 1
            self.open_sum, self.open_count = 0.0, 0
            self._closed_sum = fsum(self.closed)

    @property
    def total(self) -> float:
        """The sum of the values in the window."""
        return self._closed_sum + self.open_sum

    @property
    def count(self) -> int:
        """The number of values in the window."""
        return min(self.closed_count, len(self.closed)) * self.minutes + self.open_count

    def mean(self) -> float:
        """Return the mean per minute; if there are fewer than `PRIOR_MINUTES` values, the prior variance replaces the others."""
        count = self.count
        assumed = max(PRIOR_MINUTES - count, 0)
        return (self.total + assumed * PRIOR_VARIANCE) / (count + assumed)

    def load(self, closed: np.ndarray, closed_count: int, open_sum: float, open_count: int) -> None:
        """Restore the window from its closed buckets (buckets,), their count, and the sum and count of the open one."""
        self.closed, self.closed_count = closed, closed_count
        self.open_sum, self.open_count = open_sum, open_count
        self._closed_sum = fsum(closed)


class RealizedVariances:
    """Variances per minute over the `WINDOWS`, updated by each squared one-minute log return."""

    def __init__(self) -> None:
        self._windows = {name: BucketWindow(*shape) for name, shape in WINDOWS.items()}

    def push(self, squared_return: float) -> None:
        """Add the squared log return of a minute that directly follows the one before."""
        for window in self._windows.values():
            window.push(squared_return)

    def vector(self) -> dict[str, float]:
        """Return the variance per minute by window. All are positive and finite from the start, since the prior fills them up."""
        return {name: max(window.mean(), VARIANCE_FLOOR) for name, window in self._windows.items()}

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays."""
        return {
            name: [window.closed.tobytes(), window.closed_count, window.open_sum, window.open_count]
            for name, window in self._windows.items()
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        for name, window in self._windows.items():
            closed, closed_count, open_sum, open_count = state[name]
            buckets = np.frombuffer(closed, np.float64).reshape(window.closed.shape).copy()
            window.load(buckets, int(closed_count), float(open_sum), int(open_count))
