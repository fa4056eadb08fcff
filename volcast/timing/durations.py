"""A histogram of durations in seconds, with the buckets of a Prometheus histogram."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The default upper bounds of the buckets. One more bucket counts the longer durations."""


@dataclass(slots=True)
class Durations:
    """A histogram of seconds: the number of durations in each bucket, and their sum.

    >>> durations = Durations()
    >>> durations.add(0.3)
    >>> durations.add(100.0)
    >>> durations.counts[6], durations.counts[-1], durations.total_s
    (1, 1, 100.3)
    """

    bounds_s: tuple[float, ...] = BOUNDS_S
    """Upper bounds of the buckets, inclusive, in rising order."""
    counts: list[int] = field(init=False)
    """Durations in each bucket; the last bucket counts those above all bounds."""
    total_s: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds_s) + 1)

    def add(self, seconds: float, times: int = 1) -> None:
        """Count a duration, `times` times."""
        self.counts[bisect_left(self.bounds_s, seconds)] += times
        self.total_s += seconds * times

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """The cumulative buckets: each upper bound as text, and the number of durations that did not exceed it.

        >>> durations = Durations((1.0, 5.0))
        >>> durations.add(3.0)
        >>> durations.buckets
        [('1.0', 0.0), ('5.0', 1.0), ('+Inf', 1.0)]
        """
        return list(zip([*map(str, self.bounds_s), "+Inf"], map(float, accumulate(self.counts)), strict=True))
