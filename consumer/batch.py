"""What becomes of records: the result of one, and that of some consecutive ones. Pure.

It is a file of its own because the shard makes it, the worker commits it, and the reports tell it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from volcast.core.codec import Reject, encode_reject, encode_signal
from volcast.core.forecast.promotion import Promotion
from volcast.core.timeline import Skip
from volcast.core.types import MINUTE_MS, Candle, Gap, Revision, Signal
from volcast.log.contract import Commit, KeyValue

CLOSED_BY_REST = "rest"
"""`closed_by` of a candle that its producer asked the venue for, maybe long after the minute."""


class SkippedCandle(NamedTuple):
    """A sound candle that its engine did not take in, because of its time."""

    symbol: str
    open_time_ms: int
    why: Skip
    offset: int | None = None
    """The offset of its record."""


DecodedRecord = Candle | Gap | Revision | Promotion | Reject | None
"""A record after decoding; None if it was accepted before and the present rules would reject it."""
RecordResult = Signal | SkippedCandle | Reject
"""What a record leads to. It may lead to several: a candle may decide about one that has waited for it, or to none."""


@dataclass(slots=True)
class Batch:
    """The result of some consecutive records: the commit, and what the worker logs and measures."""

    signals: list[KeyValue] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    skips: list[SkippedCandle] = field(default_factory=list)
    promotions: list[Promotion] = field(default_factory=list)
    live_ends_ms: list[int] = field(default_factory=list)
    """The ends of the minutes of those signals whose candle arrived live, not by a later request."""
    was_restoring: bool = False
    """Whether its first record had been answered before."""
    commit: Commit | None = None
    """None if all records had been answered before."""

    def reject_records(self) -> list[KeyValue]:
        """Return the rejects as records to be written."""
        return [KeyValue(reject.key, encode_reject(reject)) for reject in self.rejects]

    def add(self, item: DecodedRecord, results: Sequence[RecordResult]) -> None:
        """Add the results of a record."""
        for result in results:
            if isinstance(result, Signal):
                self.signals.append(KeyValue(result.symbol.encode(), encode_signal(result)))
            elif isinstance(result, Reject):
                self.rejects.append(result)
            else:
                self.skips.append(result)
        if isinstance(item, Promotion):
            self.promotions.append(item)
        last = results[-1] if results else None
        if not (isinstance(item, Candle) and item.live and item.closed_by != CLOSED_BY_REST and isinstance(last, Signal)):
            return
        if last.open_time_ms == item.open_time_ms:  # the last signal may be that of a candle that has waited for this one
            self.live_ends_ms.append(item.open_time_ms + MINUTE_MS)
