"""From one-minute returns to what the forecasters look at: realized variance over four windows, and an EWMA.

All variances are of the log return per minute. State is bounded: minutes for an hour, buckets of 15 minutes for 4 hours and a
day, of an hour for a week. A window counts observed minutes: a gap adds nothing to it.
"""

from math import fsum, isnan

import numpy as np

from .types import HORIZON_MINUTES

VARIANCE_FLOOR = 1e-12
"""Per minute; a price that stands still has this variance instead of 0, whose logarithm has no value. (0.0001 %)² a minute."""
VARIANCE_CEILING = 1e4
"""Per minute; above what any two prices can make: (log 10^27)² < 3866."""
PRIOR_VARIANCE = 0.6**2 / 525_600
"""Per minute; what is assumed before anything was seen: 60 % a year."""
PRIOR_MINUTES = 10
"""A window of fewer minutes is filled up to this with the assumption."""
EWMA_LAMBDA = 0.995

WINDOWS = {"variance_1h": (1, 60), "variance_4h": (15, 16), "variance_1d": (15, 96), "variance_7d": (60, 168)}
"""Feature: (minutes in a bucket, closed buckets kept). After Corsi (2009), with the hour and four hours of an intraday market."""
FEATURES = (*WINDOWS, "variance_ewma")


def bounded(variance: float) -> float:
    """A variance per minute within floor and ceiling; where it is no number, the prior.

    >>> bounded(-1.0), bounded(float("inf")), bounded(float("nan")) == PRIOR_VARIANCE
    (1e-12, 10000.0, True)
    """
    return PRIOR_VARIANCE if isnan(variance) else min(max(variance, VARIANCE_FLOOR), VARIANCE_CEILING)


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


class VarianceFeatures:
    """Squared one-minute log returns in, a feature vector (a dict by `FEATURES`, variances per minute) out."""

    def __init__(self) -> None:
        self.windows = {name: BucketWindow(*shape) for name, shape in WINDOWS.items()}
        self.ewma = PRIOR_VARIANCE
        self.minutes = 0

    def push(self, squared_return: float) -> None:
        """Take in a minute that directly follows the one before."""
        for window in self.windows.values():
            window.push(squared_return)
        self.minutes += 1
        gain = max(1 - EWMA_LAMBDA, 1 / (PRIOR_MINUTES + self.minutes))
        self.ewma += gain * (squared_return - self.ewma)

    def realized_variance(self) -> float:
        """The sum of the last `HORIZON_MINUTES` squared returns: the answer to the forecast made before them."""
        return self.windows["variance_1h"].total

    def vector(self) -> dict[str, float]:
        """The features now. Positive and finite from the first minute on: short windows lean on the prior."""
        features = {name: max(window.mean(), VARIANCE_FLOOR) for name, window in self.windows.items()}
        features["variance_ewma"] = max(self.ewma, VARIANCE_FLOOR)
        return features


assert WINDOWS["variance_1h"] == (1, HORIZON_MINUTES), "the answer is read off the window of the horizon"  # noqa: S101  # a law of this file
