"""What a worker did since its process began; what the stream holds is counted in the shards."""

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of a histogram's buckets; one more is for what took longer."""


@dataclass(slots=True)
class Durations:
    """A histogram of seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds


@dataclass(slots=True)
class Tally:
    """Counts since the start of the process."""

    restores: int = 0
    rebuilds: int = 0
    """Symbols whose snapshot could not be used."""
    fencings: int = 0
    failed_commits: int = 0
    commits: Durations = field(default_factory=Durations)
    turned_at_s: float | None = None
    """When the loop last turned, or began anew; None before it first did."""
