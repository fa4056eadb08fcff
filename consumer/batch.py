"""What becomes of records: the result of one, and that of some consecutive ones. Pure.

It is a file of its own because the shard makes it, the worker commits it, and the reports tell it.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from volcast.core.codec import Reject
from volcast.core.types import Candle, Gap, Revision, Signal, Skip
from volcast.log.contract import Commit, KeyValue

CLOSED_BY_REST = "rest"
"""`closed_by` of a candle that its producer asked the venue for, maybe long after the minute."""


class SkippedCandle(NamedTuple):
    """A sound candle that its engine did not take in, because of its time."""

    symbol: str
    open_time_ms: int
    why: Skip


DecodedRecord = Candle | Gap | Revision | Reject | None
"""A record after decoding; None if it was accepted before and the present rules would reject it."""
RecordResult = Signal | SkippedCandle | Reject | None
"""What one record leads to; None if there is nothing to report."""


@dataclass(slots=True)
class Batch:
    """The result of some consecutive records: the commit, and what the worker logs and measures."""

    signals: list[KeyValue] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    skips: list[SkippedCandle] = field(default_factory=list)
    live_ends_ms: list[int] = field(default_factory=list)
    """The ends of the minutes of those signals whose candle arrived live, not by a later request."""
    commit: Commit | None = None
    """None if all records had been answered before."""
