"""Quantiles tracked online, which give intervals their coverage in the long run."""

from math import log


class QuantileTracker:
    """A quantile of a stream, tracked by stochastic gradient descent on the pinball loss.

        q ← q + rate · (level - [e < q])

    Summing over n values gives |share of e below q - level| ≤ (range of q + rate) / (rate · n), so the share tends to the level
    whatever the stream does, drift and dependence included. The values should be about stationary, such as errors divided by
    their modelled scale.

    References: R. Koenker & G. Bassett, Regression Quantiles, Econometrica 46 (1978); I. Gibbs & E. Candès, Adaptive Conformal
    Inference Under Distribution Shift, NeurIPS (2021).

    Args:
        level: Probability of the quantile, between 0 and 1.
        rate: Step size, in the unit of the values.
        start: The first estimate.

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
        """Move the quantile by one observed value."""
        self.value += self.rate * (self.level - (error < self.value))


def laplace_quantile(level: float) -> float:
    """Return the quantile at `level` (0 to 1) of a Laplace distribution with mean 0 and mean absolute value 1.

    It is where a tracker of scaled errors starts.

    >>> round(laplace_quantile(0.95), 3), laplace_quantile(0.5) == 0.0
    (2.303, True)
    """
    tail = min(level, 1.0 - level)
    size = -log(2.0 * tail)
    return size if level > tail else -size
