"""The last promotions, as their records on `models` say. One thread writes, others may read: each method returns copies.

It reads of a record what is shown; `volcast.lifecycle.promotion` writes and verifies the whole.
"""

from collections import OrderedDict
from threading import Lock

import msgspec
from msgspec import Struct

from volcast.core.codec import MAX_TIME_MS, UNDECODABLE
from volcast.log.contract import Record

KEPT, SHOWN = 1_000, 100
"""Promotions that are kept, and that are returned at once."""


class ChangedLead(Struct, frozen=True):
    """A model that led before."""

    model: str


class ChangeEvidence(Struct, frozen=True):
    """The comparison that a promotion rests on."""

    summary: str


class LeadChange(Struct, frozen=True, kw_only=True):
    """A promotion. The fields are those of its record, of the same names."""

    id: str
    kind: str
    of: str | None
    model: str
    from_ms: int
    symbols: tuple[str, ...]
    previous: tuple[ChangedLead, ...]
    who: str
    when_ms: int
    why: str
    evidence: ChangeEvidence | None


_decoder = msgspec.json.Decoder(LeadChange)


class PromotionList:
    """The last promotions, the newest first."""

    def __init__(self) -> None:
        self._changes: OrderedDict[bytes, LeadChange] = OrderedDict()
        self._lock = Lock()

    def take(self, record: Record) -> bool:
        """Take in a record of `models`; the last one of a key counts. Return whether it is a promotion."""
        try:
            change = _decoder.decode(record.value)
        except UNDECODABLE:
            return False
        if not (0 <= change.from_ms < MAX_TIME_MS and 0 <= change.when_ms < MAX_TIME_MS):
            return False
        with self._lock:
            self._changes[record.key] = change
            self._changes.move_to_end(record.key)
            while len(self._changes) > KEPT:
                self._changes.popitem(last=False)
        return True

    def latest(self, symbol: str | None = None) -> list[LeadChange]:
        """Return the last promotions, the newest first; with a symbol those that concern it."""
        with self._lock:
            changes = [*reversed(self._changes.values())]
        return [each for each in changes if symbol is None or not each.symbols or symbol in each.symbols][:SHOWN]
