"""The counts of a partition's rejects, and how they stand in its state. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping
from zlib import crc32

import msgspec
from msgspec import Struct

from volcast.core.codec import UNDECODABLE, Reject, encode_restoring
from volcast.core.types import Restoring
from volcast.log.contract import KeyValue

from .rules import MadeWith

REJECTED_KEY = b"@rejected"
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


CONFIG_KEY = b"@config"
"""In the state; no symbol has an @."""


def encode_config(made_with: MadeWith) -> bytes:
    """-> what stands in the state."""
    return seal(msgspec.msgpack.encode(made_with))


def decode_config(raw: bytes | None) -> MadeWith | None:
    """None where nothing is known, or nothing can be read."""
    try:
        return msgspec.msgpack.decode(unseal(raw), type=MadeWith) if raw else None
    except UNDECODABLE:
        return None


RESTORING_KEY = b"@restoring"
"""In the state; no symbol has an @."""

Written = tuple[list[KeyValue], list[KeyValue]]
"""Records of `signals`, and of the state."""


class Notices:
    """Of one partition: `unusable` are the symbols that must be rebuilt, the state tells which were announced before."""

    def __init__(self, state: Mapping[bytes, bytes], unusable: Collection[str]) -> None:
        self._unusable = sorted(unusable)
        self._announced = _announced(state.get(RESTORING_KEY))

    def begin(self) -> Written:
        """What to write before the rebuild begins."""
        begun = [_notice(symbol, done=False) for symbol in self._unusable if symbol not in self._announced]
        ended = [_notice(symbol, done=True) for symbol in self._announced if symbol not in self._unusable]
        if self._announced == self._unusable:
            return [], []
        self._announced = self._unusable
        return [*begun, *ended], [_state(self._announced)]

    def end(self, rebuilt: Collection[str]) -> Written:
        """What to write once all is whole; the unusable snapshot of a symbol that is not `rebuilt`, as nothing of it is left
        on the log, is forgotten.
        """
        ended = [_notice(symbol, done=True) for symbol in self._announced]
        gone = [KeyValue(symbol.encode(), b"") for symbol in self._unusable if symbol not in rebuilt]
        state = [*gone, _state([])] if self._announced else gone
        self._announced, self._unusable = [], []
        return ended, state


def _notice(symbol: str, *, done: bool) -> KeyValue:
    return KeyValue(symbol.encode(), encode_restoring(Restoring(symbol, done)))


def _state(announced: list[str]) -> KeyValue:
    """An empty value forgets the key."""
    return KeyValue(RESTORING_KEY, seal(msgspec.msgpack.encode(announced)) if announced else b"")


def _announced(raw: bytes | None) -> list[str]:
    try:
        return msgspec.msgpack.decode(unseal(raw), type=list[str]) if raw else []
    except UNDECODABLE:
        return []


def seal(payload: bytes) -> bytes:
    """-> CRC-32, 4 bytes, little-endian, and the payload.

    >>> unseal(seal(b"counts"))
    b'counts'
    """
    return crc32(payload).to_bytes(4, "little") + payload


def unseal(raw: bytes) -> bytes:
    """Raises msgspec.DecodeError where `raw` is damaged."""
    payload = raw[4:]
    if raw[:4] != crc32(payload).to_bytes(4, "little"):
        raise msgspec.DecodeError("it is damaged: its checksum does not fit")
    return payload
