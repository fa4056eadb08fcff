"""What a standby counts: for its metrics, which another thread reads while the standby runs. They are all since the start.

It is a file of its own because the partitions count, the worker counts, and the metrics show it.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class StandbyStats:
    """Counters of one process."""

    comparisons: int = 0
    """Commits of other owners that were compared with the state here."""
    mismatches: int = 0
    """Comparisons that found a difference."""
    takeovers: int = 0
    """Partitions taken over with the state at hand, without a restore."""
    lost_owners: int = 0
    """Those of them whose owner had ended or no longer answered."""
    newest_open_time_ms: dict[int, int] = field(default_factory=dict)
    """By followed partition, the open time of the newest candle that the standby has processed."""
    in_step: dict[int, bool] = field(default_factory=dict)
    """By followed partition, whether it can be taken over without a restore."""
