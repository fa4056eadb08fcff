"""Intervals that keep their word: quantiles that are followed online, on answers as they come in."""

from math import log


class QuantileTracker:
    """The quantile of a stream by stochastic gradient descent on the pinball loss.

        q ← q + rate · (level - [e < q])

    Summed up, |share of e below q - level| ≤ (range of q + rate) / (rate · n): the share is kept in the long run whatever the
    stream does, drift or dependence. Feed it what is about stationary: an error over its modelled scale.

    References: R. Koenker & G. Bassett, Regression Quantiles, Econometrica 46 (1978); I. Gibbs & E. Candès, Adaptive Conformal
    Inference Under Distribution Shift, NeurIPS (2021).

    >>> median = QuantileTracker(0.5, rate=0.1, start=0.0)
    >>> for e in [1.0, 2.0, 9.0] * 100:
    ...     median.learn(e)
    >>> abs(median.value - 2.0) < 0.2
    True
    """

    def __init__(self, level: float, rate: float, start: float) -> None:
        self.level = level
        self.rate = rate
        self.value = start

    def learn(self, error: float) -> None:
        """Take in an answer."""
        self.value += self.rate * (self.level - (error < self.value))


def laplace_quantile(level: float) -> float:
    """Of errors with mean size 1 and exponential tails: where a tracker of such errors may start.

    >>> round(laplace_quantile(0.95), 3), laplace_quantile(0.5) == 0.0
    (2.303, True)
    """
    tail = min(level, 1.0 - level)
    size = -log(2.0 * tail)
    return size if level > tail else -size
