"""What a partition keeps in the topic `state`: loaded from the last commit, and encoded for the next one. Pure.

    a symbol     the snapshot of its engine, see volcast.core.snapshot
    @config      the settings that the partition was processed with
    @rejected    the number of rejected records by reason, and the offset below which all of them are counted
    @restoring   the symbols whose rebuild was announced on `signals` and has not ended

The values of the three keys with an @, which no symbol contains, are sealed: a CRC-32 of the payload, 4 bytes, little-endian,
then the payload in msgpack. A damaged value is never an error here: what it held is rebuilt from the log.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from zlib import crc32

import msgspec
from msgspec import Struct

from volcast.core.codec import UNDECODABLE, Reason, encode_restoring
from volcast.core.engine import Engine
from volcast.core.snapshot import SnapshotError, decode_snapshot, encode_snapshot
from volcast.core.types import Restoring
from volcast.log.contract import KeyValue

from .rules import PartitionSettings, Rules, differences

CONFIG_KEY = b"@config"
REJECTED_KEY = b"@rejected"
RESTORING_KEY = b"@restoring"


class RebuildNotices(NamedTuple):
    """Records to commit when the rebuild of symbols begins or ends; both lists are empty if nothing has changed."""

    signals: list[KeyValue]
    """For `signals`: each says that a symbol is being rebuilt, or is complete again."""
    state: list[KeyValue]
    """For the state, so that the next owner knows what was announced."""


class _RejectCounts(Struct, frozen=True):
    position: int
    counts: dict[str, int]


class PartitionState:
    """The engines, reject counts, settings and rebuild notices of one partition."""

    def __init__(self, rules: Rules, stored: Mapping[bytes, bytes]) -> None:
        """Load what the last commit left: `stored` are the values by key."""
        self.engines: dict[str, Engine] = {}
        self.counts: dict[str, Counter[str]] = {}
        """By symbol, the records that brought no signal: duplicate, late, too_far_ahead, gap, revision."""
        self.complete_below: dict[str, int] = {}
        """By symbol, the offset below which its snapshot contains all records."""
        self.unusable: dict[str, str] = {}
        """The symbols whose snapshot cannot be used, with the reason: they are rebuilt from the log."""
        self.rejected: Counter[str] = Counter()
        """The number of rejected records by reason, without those that lie too far ahead: `counts` has them."""
        self.rejected_below = 0
        """The offset below which all rejected records are counted."""
        self._rules = rules
        before = read_settings(stored)
        self.changed_settings = differences(before, rules.settings) if before else ""
        """In words, how the settings differ from those of the last commit; empty if they do not."""
        self.rules_before = rules.with_settings(before) if before and self.changed_settings else rules
        """The rules by which the records before this state were answered."""
        self._settings_are_saved = before is not None and not self.changed_settings
        for key, value in stored.items():
            if not key.startswith(b"@"):
                self._load_engine(key.decode(errors="replace"), value)
        self.must_rebuild = bool(self.unusable) | (not self._load_rejected(stored.get(REJECTED_KEY)))
        """Something stored cannot be used, so that all records must be read again from the first one on."""
        self._rebuilding = sorted(self.unusable)
        self._announced = _read_announced(stored.get(RESTORING_KEY))

    def _load_engine(self, symbol: str, raw: bytes) -> None:
        rules = self._rules
        try:
            found = decode_snapshot(raw, symbol, rules.config, rules.decoder.price_decimals(symbol), rules.prior)
        except SnapshotError as error:
            self.unusable[symbol] = str(error)
        else:
            self.engines[symbol], self.counts[symbol] = found.engine, Counter(found.counts)
            self.complete_below[symbol] = found.position

    def _load_rejected(self, raw: bytes | None) -> bool:
        """Return whether the counts could be read; if not, they begin at 0."""
        try:
            found = msgspec.msgpack.decode(unseal(raw), type=_RejectCounts) if raw is not None else _RejectCounts(0, {})
        except UNDECODABLE:
            return False
        self.rejected.update(found.counts)
        self.rejected_below = found.position
        return True

    def add_symbol(self, symbol: str) -> Engine:
        """Return the engine of a new symbol."""
        rules = self._rules
        self.engines[symbol] = Engine(symbol, rules.config, rules.decoder.price_decimals(symbol), rules.prior)
        self.counts[symbol] = Counter()
        return self.engines[symbol]

    def count_rejected(self, reason: Reason) -> None:
        """Count one more rejected record."""
        self.rejected[reason.value] += 1

    def encode(self, keys: Iterable[bytes], position: int) -> list[KeyValue]:
        """Return the new values of the given keys, which contain all records below `position`; the settings first, if unsaved."""
        values = []
        if not self._settings_are_saved:
            self._settings_are_saved = True
            values.append(KeyValue(CONFIG_KEY, seal(msgspec.msgpack.encode(self._rules.settings))))
        return values + [KeyValue(key, self._encode(key, position)) for key in keys]

    def _encode(self, key: bytes, position: int) -> bytes:
        if key == REJECTED_KEY:
            return seal(msgspec.msgpack.encode(_RejectCounts(position, dict(self.rejected))))
        symbol = key.decode()
        return encode_snapshot(self.engines[symbol], position, self.counts[symbol])

    def begin_rebuilds(self) -> RebuildNotices:
        """Return what to commit before records are read again: word of the symbols that are being rebuilt, or no longer are."""
        if self._announced == self._rebuilding:
            return RebuildNotices([], [])
        begun = [_notice(symbol, done=False) for symbol in self._rebuilding if symbol not in self._announced]
        ended = [_notice(symbol, done=True) for symbol in self._announced if symbol not in self._rebuilding]
        self._announced = self._rebuilding
        return RebuildNotices([*begun, *ended], [_announced_value(self._announced)])

    def end_rebuilds(self) -> RebuildNotices:
        """Return what to commit once all symbols are complete. The unusable snapshot of a symbol of which the log has no record
        any more is removed from the state.
        """
        ended = [_notice(symbol, done=True) for symbol in self._announced]
        state = [KeyValue(symbol.encode(), b"") for symbol in self._rebuilding if symbol not in self.engines]
        if self._announced:
            state.append(_announced_value([]))
        self._announced, self._rebuilding = [], []
        return RebuildNotices(ended, state)


def read_settings(stored: Mapping[bytes, bytes]) -> PartitionSettings | None:
    """Return the settings that a partition was processed with; None if its state has none, or none that can be read."""
    raw = stored.get(CONFIG_KEY)
    try:
        return msgspec.msgpack.decode(unseal(raw), type=PartitionSettings) if raw else None
    except UNDECODABLE:
        return None


def _read_announced(raw: bytes | None) -> list[str]:
    try:
        return msgspec.msgpack.decode(unseal(raw), type=list[str]) if raw else []
    except UNDECODABLE:
        return []


def _announced_value(symbols: list[str]) -> KeyValue:
    """Return the new value of `@restoring`; an empty value removes the key."""
    return KeyValue(RESTORING_KEY, seal(msgspec.msgpack.encode(symbols)) if symbols else b"")


def _notice(symbol: str, *, done: bool) -> KeyValue:
    return KeyValue(symbol.encode(), encode_restoring(Restoring(symbol, done)))


def seal(payload: bytes) -> bytes:
    """Return the payload behind its CRC-32: 4 bytes, little-endian.

    >>> unseal(seal(b"counts"))
    b'counts'
    """
    return crc32(payload).to_bytes(4, "little") + payload


def unseal(sealed: bytes) -> bytes:
    """Return the payload of sealed bytes. Raises msgspec.DecodeError if they are damaged."""
    payload = sealed[4:]
    if sealed[:4] != crc32(payload).to_bytes(4, "little"):
        raise msgspec.DecodeError("its checksum does not match: it is damaged")
    return payload
