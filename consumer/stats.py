"""What a worker did since its process began; what the stream holds is counted in the shards."""

from dataclasses import dataclass, field

from volcast.durations import Durations

CLOSE_TO_SIGNAL_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""A candle built from trades waits for a later trade: of a pair that trades rarely, a minute and more."""


@dataclass(slots=True)
class WorkerStats:
    """Counts since the start of the process."""

    restores: int = 0
    rebuilds: int = 0
    """Symbols whose snapshot could not be used."""
    fencings: int = 0
    failed_commits: int = 0
    commits: Durations = field(default_factory=Durations)
    close_to_signal: Durations = field(default_factory=lambda: Durations(CLOSE_TO_SIGNAL_BOUNDS_S))
    """Of candles closed live: from the minute's end to the commit of its signal."""
    turned_at_s: float | None = None
    """When the loop last turned, or began anew; None before it first did."""


LOOK_EVERY_S = 5.0
MAX_STANDSTILL_S = 60.0
"""A partition that gets candles and deals with none for so long is stuck."""
