"""Reads the topic `candles.rejected` from its beginning to its current end, one reject at a time, through a filter."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from volcast.cli.tables import counted
from volcast.core.codec import UNDECODABLE, Reject, decode_reject
from volcast.log.contract import Log, Topic

_READ_RECORDS = 100
_READ_S = 0.2


@dataclass(frozen=True, slots=True)
class RejectFilter:
    """Which rejects to select; None matches any value. Partition and offset are those on the topic `candles`."""

    symbol: str | None = None
    reason: str | None = None
    partition: int | None = None
    offset: int | None = None

    def matches(self, reject: Reject) -> bool:
        """Return whether the reject is selected."""
        return (
            (self.symbol is None or reject.symbol == self.symbol or reject.key == self.symbol.encode())
            and (self.reason is None or reject.reason == self.reason)
            and (self.partition is None or reject.partition == self.partition)
            and (self.offset is None or reject.offset == self.offset)
        )


@dataclass(slots=True)
class RejectCounts:
    """Counts of the records of one pass over the topic."""

    reasons: Counter[str] = field(default_factory=Counter)
    """Selected rejects by reason."""
    not_selected: int = 0
    """Rejects that the filter left out."""
    unreadable: int = 0
    """Records that are no rejects, or are of another version."""

    def summary(self) -> list[str]:
        """Return the lines of a summary for the user."""
        total = self.reasons.total()
        lines = [f"{counted(total, 'reject')}: {by_reason(self.reasons)}" if total else "no rejects"]
        if not total and self.not_selected:
            lines = [f"no matching reject among {self.not_selected}"]
        if self.unreadable:
            lines.append(f"skipped {counted(self.unreadable, 'record')} that this version cannot read")
        return lines


def by_reason(reasons: Counter[str]) -> str:
    """Return the counts as text, the highest first.

    >>> by_reason(Counter(bad_time=1, too_large=7))
    '7 too_large, 1 bad_time'
    """
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())


async def read_rejects(log: Log, selection: RejectFilter, counts: RejectCounts) -> AsyncGenerator[Reject]:
    """Yield the selected rejects, those of a partition in order, and count all records in `counts`. Raises Unavailable."""
    async with log.reader(Topic.REJECTED) as reader:
        while not reader.caught_up:
            for record in await reader.read(_READ_RECORDS, _READ_S):
                try:
                    reject = decode_reject(record.value)
                except UNDECODABLE:
                    counts.unreadable += 1
                    continue
                if selection.matches(reject):
                    counts.reasons[reject.reason.value] += 1
                    yield reject
                else:
                    counts.not_selected += 1
