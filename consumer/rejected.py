"""The counts of a partition's rejects, and how they stand in its state. Pure."""

from collections import Counter

import msgspec
from msgspec import Struct

from volcast.core.codec import UNDECODABLE, Reject

from .sealed import seal, unseal

KEY = b"@rejected"
"""In the state; no symbol has an @."""


class _Written(Struct, frozen=True):
    position: int
    counts: dict[str, int]


_decoder = msgspec.msgpack.Decoder(_Written)


class Rejected:
    """Records that were not taken, by reason, and the offset below which all are counted."""

    def __init__(self, raw: bytes | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.position = 0
        self.damaged = False
        """The counts could not be read: they begin anew."""
        if raw is None:
            return
        try:
            written = _decoder.decode(unseal(raw))
        except UNDECODABLE:
            self.damaged = True
        else:
            self.counts.update(written.counts)
            self.position = written.position

    def count(self, reject: Reject) -> None:
        """One more."""
        self.counts[reject.reason.value] += 1

    def dump(self, position: int) -> bytes:
        """-> what stands in the state once all below `position` are counted."""
        return seal(msgspec.msgpack.encode(_Written(position, dict(self.counts))))
