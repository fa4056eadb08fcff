"""Realized variance over four windows that end now: what the textbook models look at.

All are of the log return per minute. State is bounded: minutes for an hour, buckets of 15 minutes for 4 hours and a day, of an
hour for a week. A window counts observed minutes: a gap adds nothing to it.
"""

from math import fsum
from typing import Any

import numpy as np

from .features import PRIOR_VARIANCE, VARIANCE_FLOOR

PRIOR_MINUTES = 10
"""A window of fewer minutes is filled up to this with the prior variance."""
WINDOWS = {"variance_1h": (1, 60), "variance_4h": (15, 16), "variance_1d": (15, 96), "variance_7d": (60, 168)}
"""Window: (minutes in a bucket, closed buckets kept). After Corsi (2009), with the hour and four hours of an intraday market."""


class BucketWindow:
    """The mean of the last `buckets` × `minutes` values, in buckets of `minutes`; the open bucket counts on top.

    The sum of the closed buckets is made anew, correctly rounded, whenever one closes: nothing drifts.
    """

    def __init__(self, minutes: int, buckets: int) -> None:
        self.minutes = minutes
        self.closed = np.zeros(buckets)
        self.closed_count = 0
        self.open_sum = 0.0
        self.open_count = 0
        self._closed_sum = 0.0

    def push(self, value: float) -> None:
        """Take in one minute's value."""
        self.open_sum += value
        self.open_count += 1
        if self.open_count == self.minutes:
            self.closed[self.closed_count % len(self.closed)] = self.open_sum
            self.closed_count += 1
            self.open_sum, self.open_count = 0.0, 0
            self._closed_sum = fsum(self.closed)

    @property
    def total(self) -> float:
        """The sum over the window."""
        return self._closed_sum + self.open_sum

    @property
    def count(self) -> int:
        """Minutes in the window so far."""
        return min(self.closed_count, len(self.closed)) * self.minutes + self.open_count

    def mean(self) -> float:
        """Per minute; where there are fewer than `PRIOR_MINUTES`, the prior stands in for the others."""
        count = self.count
        assumed = max(PRIOR_MINUTES - count, 0)
        return (self.total + assumed * PRIOR_VARIANCE) / (count + assumed)

    def load(self, closed: np.ndarray, closed_count: int, open_sum: float, open_count: int) -> None:
        """Become what these were read from."""
        self.closed, self.closed_count = closed, closed_count
        self.open_sum, self.open_count = open_sum, open_count
        self._closed_sum = fsum(closed)


class RealizedVariances:
    """Squared one-minute log returns in, variances per minute by `WINDOWS` out."""

    def __init__(self) -> None:
        self._windows = {name: BucketWindow(*shape) for name, shape in WINDOWS.items()}

    def push(self, squared_return: float) -> None:
        """Take in a minute that directly follows the one before."""
        for window in self._windows.values():
            window.push(squared_return)

    def vector(self) -> dict[str, float]:
        """The variances now, positive and finite from the first minute on: short windows lean on the prior."""
        return {name: max(window.mean(), VARIANCE_FLOOR) for name, window in self._windows.items()}

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays."""
        return {
            name: [window.closed.tobytes(), window.closed_count, window.open_sum, window.open_count]
            for name, window in self._windows.items()
        }

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        for name, window in self._windows.items():
            closed, closed_count, open_sum, open_count = state[name]
            buckets = np.frombuffer(closed, np.float64).reshape(window.closed.shape).copy()
            window.load(buckets, int(closed_count), float(open_sum), int(open_count))
