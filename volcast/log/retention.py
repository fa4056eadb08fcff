"""How long a log keeps records. It is a file of its own because both logs follow it, each by its own means.

Kafka deletes segments by itself, by settings of the topics. In a SQLite file the consumer does it, see `sqlite/retention.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """How long records of `candles`, `signals` and `candles.rejected` are kept; None is no limit of ours.

    The oldest go first, some at a time. Offsets go on, and a reader begins with the oldest record that is left.
    """

    age_ms: int | None = None
    """Records that were appended longer ago are deleted."""
    size_bytes: int | None = None
    """The oldest records of a partition are deleted while the others have so many bytes."""
