"""Reading `candles.rejected` from its beginning to its present end, one reject after the other."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from volcast.core.codec import UNDECODABLE, Reject, decode_reject
from volcast.log.contract import Log, Topic

_READ_RECORDS = 100
_READ_S = 0.2


@dataclass(frozen=True, slots=True)
class RejectFilter:
    """Which rejects; None for any. Partition and offset are those on `candles`."""

    symbol: str | None = None
    reason: str | None = None
    partition: int | None = None
    offset: int | None = None

    def has(self, reject: Reject) -> bool:
        """It is one of them."""
        return (
            (self.symbol is None or reject.symbol == self.symbol or reject.key == self.symbol.encode())
            and (self.reason is None or reject.reason == self.reason)
            and (self.partition is None or reject.partition == self.partition)
            and (self.offset is None or reject.offset == self.offset)
        )


@dataclass(slots=True)
class Seen:
    """What one reading came upon."""

    reasons: Counter[str] = field(default_factory=Counter)
    """Of the selected rejects."""
    others: int = 0
    """Rejects that were not selected."""
    strangers: int = 0
    """Records that are no rejects, or those of another version."""

    def sentences(self) -> list[str]:
        """A summary for the user."""
        total = self.reasons.total()
        told = [f"{total} rejected: {in_words(self.reasons)}" if total else "no record of candles was rejected"]
        if not total and self.others:
            told = [f"none of the {self.others} rejects is of that kind"]
        if self.strangers:
            told.append(f"{self.strangers} records there are no rejects that this version can read")
        return told


def in_words(reasons: Counter[str]) -> str:
    """Most of them first.

    >>> in_words(Counter(bad_time=1, too_large=7))
    '7 too_large, 1 bad_time'
    """
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())


async def read_rejects(log: Log, selection: RejectFilter, seen: Seen) -> AsyncGenerator[Reject]:
    """The selected ones, those of a partition in their order. Raises Unavailable."""
    async with log.reader(Topic.REJECTED) as reader:
        while not reader.caught_up:
            for record in await reader.read(_READ_RECORDS, _READ_S):
                try:
                    reject = decode_reject(record.value)
                except UNDECODABLE:
                    seen.strangers += 1
                    continue
                if selection.has(reject):
                    seen.reasons[reject.reason.value] += 1
                    yield reject
                else:
                    seen.others += 1
