"""What a partition keeps in the topic `state`: loaded from the last commit, and encoded for the next one. Pure.

    a symbol     the snapshot of its engine, see volcast.core.snapshot
    @config      the settings that the partition was processed with
    @rejected    the number of rejected records by reason, and the offset below which all of them are counted
    @promotions  the promotions by offset, for symbols that begin later: the candles before them may be gone
    @restoring   the symbols whose rebuild was announced on `signals` and has not ended
    @manifest, @checkpoint: see checkpoint.py

The values of the keys with an @, which no symbol contains, are sealed, see sealing.py. A damaged or missing value is never an
error here: what it held is rebuilt from the log.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import msgspec
from msgspec import Struct

from volcast.core.codec import UNDECODABLE, Reason, encode_restoring
from volcast.core.engine import Engine
from volcast.core.forecast.promotion import Promotion
from volcast.core.snapshot import encode_snapshot
from volcast.core.types import Restoring
from volcast.log.contract import KeyValue

from .checkpoint import CheckpointWriter, Mark, OutputDigest
from .loading import LoadedSymbols
from .rules import PartitionSettings, Rules, differences
from .sealing import seal, unseal

CONFIG_KEY = b"@config"
REJECTED_KEY = b"@rejected"
PROMOTIONS_KEY = b"@promotions"
RESTORING_KEY = b"@restoring"
MAX_PROMOTIONS = 100
"""So many are kept for symbols that begin later; they may reach back as far as those."""


class RebuildNotices(NamedTuple):
    """Records to commit when the rebuild of symbols begins or ends; both lists are empty if nothing has changed."""

    signals: list[KeyValue]
    """For `signals`: each says that a symbol is being rebuilt, or is complete again."""
    state: list[KeyValue]
    """For the state, so that the next owner knows what was announced."""


class _Promotions(Struct, frozen=True):
    position: int
    by_offset: dict[int, Promotion]


class _RejectCounts(Struct, frozen=True):
    position: int
    counts: dict[str, int]


class PartitionState:
    """The engines, reject counts, settings and rebuild notices of one partition."""

    def __init__(self, rules: Rules, symbols: LoadedSymbols) -> None:
        """Load what the last commit left, besides the symbols."""
        self.engines, self.counts, self.complete_below = symbols.engines, symbols.counts, symbols.complete_below
        """By symbol; see `LoadedSymbols`."""
        self.unusable = symbols.unusable
        self.rejected: Counter[str] = Counter()
        """The number of rejected records by reason, without those of an unconfirmed date: `counts` has them."""
        self.rejected_below = 0
        """The offset below which all rejected records are counted."""
        self.lost_leaders: list[str] = []
        """The models that were promoted, but are no longer there."""
        self._promotions: dict[int, Promotion] = {}
        self._promoted_below = 0
        """The offset below which all promotions are known."""
        verified = symbols.verified
        self._rules, self._verified = rules, verified
        stored, manifest = verified.values, verified.manifest
        before = read_settings(stored)
        self.changed_settings = _changes(before, rules, manifest)
        """In words, how the settings differ from those of the last commit; empty if they do not."""
        self.rules_before = rules.with_settings(before) if before and self.changed_settings else rules
        """The rules by which the records before this state were answered."""
        self._settings_are_saved = before is not None and not self.changed_settings
        good = {key: crc32(value) for key, value in stored.items() if key in {CONFIG_KEY, RESTORING_KEY}} | symbols.checksums
        loaded = {
            key: key not in verified.problems and load(stored.get(key))
            for key, load in ((REJECTED_KEY, self._load_rejected), (PROMOTIONS_KEY, self._load_promotions))
        }
        good |= {key: crc32(stored[key]) for key, is_loaded in loaded.items() if is_loaded and key in stored}
        self.must_rebuild = bool(self.unusable) or not all(loaded.values()) or manifest is None
        """Something stored cannot be used, so that all records must be read again from the first one on."""
        self.is_intact = manifest is not None and not verified.problems
        """Nothing is missing or damaged of what the last commit left; whether it can be used here is another matter."""
        self.checkpoints = CheckpointWriter(good)
        self._rebuilding = sorted(self.unusable)
        announced = _read_announced(stored.get(RESTORING_KEY))
        self._announced_unknown = announced is None or manifest is None or RESTORING_KEY in verified.problems
        """It is not known which rebuilds were announced, so all symbols are reported as complete once they are."""
        self._announced = announced or []

    def _load_rejected(self, raw: bytes | None) -> bool:
        """Return whether the counts could be read; if not, they begin at 0."""
        try:
            found = msgspec.msgpack.decode(unseal(raw), type=_RejectCounts) if raw is not None else _RejectCounts(0, {})
        except UNDECODABLE:
            return False
        if found.position > self._verified.position:
            return False
        self.rejected.update(found.counts)
        self.rejected_below = found.position
        return True

    def _load_promotions(self, raw: bytes | None) -> bool:
        """Return whether the promotions could be read; if not, none is known."""
        try:
            found = msgspec.msgpack.decode(unseal(raw), type=_Promotions) if raw is not None else _Promotions(0, {})
        except UNDECODABLE:
            return False
        if found.position > self._verified.position:
            return False
        self.lost_leaders = sorted({each.model for each in found.by_offset.values()} - {*self._rules.models})
        self._promotions = {offset: each for offset, each in found.by_offset.items() if each.model in self._rules.models}
        self._promoted_below = found.position
        return True

    def add_symbol(self, symbol: str, offset: int) -> Engine:
        """Return the engine of a new symbol, whose first record is at `offset`."""
        rules = self._rules
        engine = self.engines[symbol] = Engine(symbol, rules.config, rules.decoder.price_decimals(symbol), rules.prior)
        self.counts[symbol] = Counter()
        for each in [self._promotions[at] for at in sorted(self._promotions) if at < offset][-MAX_PROMOTIONS:]:
            if each.concerns(symbol):
                engine.forecaster.promote(each.model, each.from_ms)
        return engine

    def promote(self, promotion: Promotion, offset: int) -> list[bytes]:
        """Take in the promotion at `offset`, for the engines that lack it and for symbols that begin later.

        Returns the keys whose values change.
        """
        self._promotions[offset] = promotion
        keys = [PROMOTIONS_KEY] if offset >= self._promoted_below else []
        for symbol, engine in self.engines.items():
            if offset >= self.complete_below.get(symbol, 0) and promotion.concerns(symbol):
                engine.forecaster.promote(promotion.model, promotion.from_ms)
                keys.append(symbol.encode())
        return keys

    def forget_waiting(self) -> None:
        """Discard the candles that wait in symbols rebuilt from fewer records, or with other decimals, than those that were
        answered: they may have been answered then, and must not be answered again.
        """
        for symbol, engine in self.engines.items():
            if symbol not in self.complete_below:
                self.counts[symbol][Reason.UNCONFIRMED_DATE.value] += engine.dates.clear()

    def count_rejected(self, reason: Reason) -> None:
        """Count one more rejected record."""
        self.rejected[reason.value] += 1

    def encode(self, keys: Collection[bytes], position: int) -> list[KeyValue]:
        """Return the new values of the given keys, which contain all records below `position`; the settings first, if unsaved."""
        values = []
        if not self._settings_are_saved:
            self._settings_are_saved = True
            values.append(KeyValue(CONFIG_KEY, _encoded_settings(self._rules)))
            if self.lost_leaders and PROMOTIONS_KEY not in keys:  # they do not come back with their model: for no symbol
                values.append(KeyValue(PROMOTIONS_KEY, self._encode(PROMOTIONS_KEY, position)))
        return values + [KeyValue(key, self._encode(key, position)) for key in keys]

    def _encode(self, key: bytes, position: int) -> bytes:
        if key == REJECTED_KEY:
            return seal(msgspec.msgpack.encode(_RejectCounts(position, dict(self.rejected))))
        if key == PROMOTIONS_KEY:
            self._promotions = dict(sorted(self._promotions.items())[-MAX_PROMOTIONS:])
            return seal(msgspec.msgpack.encode(_Promotions(position, self._promotions)))
        symbol = key.decode()
        return encode_snapshot(self.engines[symbol], position, self.counts[symbol])

    def vouch(self, changed: Sequence[KeyValue], position: Mark, replay_from: Mark, output: OutputDigest) -> list[KeyValue]:
        """Return the records by which the state vouches for itself after a commit of these values; all symbols are complete."""
        return self.checkpoints.encode(changed, position, replay_from, output)

    def begin_rebuilds(self) -> RebuildNotices:
        """Return what to commit before records are read again: word of the symbols that are being rebuilt, or no longer are.

        What has to be rebuilt stays in the manifest, so that a rebuild that is interrupted begins again.
        """
        if self._announced == self._rebuilding:
            return RebuildNotices([], [])
        begun = [_notice(symbol, done=False) for symbol in self._rebuilding if symbol not in self._announced]
        ended = [_notice(symbol, done=True) for symbol in self._announced if symbol not in self._rebuilding]
        self._announced = self._rebuilding
        value, before = _announced_value(self._announced), self._verified
        vouchers: list[KeyValue] = []
        if before.manifest is not None and before.digests is not None:
            replay_digest, digest = before.digests
            places = Mark(before.position, digest), Mark(before.replay_from, replay_digest)
            vouchers = CheckpointWriter(before.manifest).encode([value], *places, before.output)
        self.checkpoints.note([value])
        return RebuildNotices([*begun, *ended], [value, *vouchers])

    def end_rebuilds(self) -> RebuildNotices:
        """Return what to commit once all symbols are complete. The unusable snapshot of a symbol of which the log has no record
        any more is removed from the state.
        """
        symbols = sorted({*self._announced, *self.engines}) if self._announced_unknown else self._announced
        ended = [_notice(symbol, done=True) for symbol in symbols]
        state = [KeyValue(symbol.encode(), b"") for symbol in self._rebuilding if symbol not in self.engines]
        if self._announced or (self._announced_unknown and symbols):
            state.append(_announced_value([]))
        self._announced, self._rebuilding, self._announced_unknown = [], [], False
        return RebuildNotices(ended, state)


def read_settings(stored: Mapping[bytes, bytes]) -> PartitionSettings | None:
    """Return the settings that a partition was processed with; None if its state has none, or none that can be read."""
    raw = stored.get(CONFIG_KEY)
    try:
        return msgspec.msgpack.decode(unseal(raw), type=PartitionSettings) if raw else None
    except UNDECODABLE:
        return None


def _changes(before: PartitionSettings | None, rules: Rules, manifest: Mapping[bytes, int] | None) -> str:
    """Return in words how the settings have changed. Of settings that are lost, the manifest tells whether they are the same."""
    if before is not None:
        return differences(before, rules.settings)
    is_same = manifest is None or manifest.get(CONFIG_KEY) in {None, crc32(_encoded_settings(rules))}
    return "" if is_same else "those of before are damaged, and other than those of now"


def _encoded_settings(rules: Rules) -> bytes:
    return seal(msgspec.msgpack.encode(rules.settings))


def _read_announced(raw: bytes | None) -> list[str] | None:
    """Return the announced symbols; None if they cannot be read."""
    try:
        return msgspec.msgpack.decode(unseal(raw), type=list[str]) if raw else []
    except UNDECODABLE:
        return None


def _announced_value(symbols: list[str]) -> KeyValue:
    """Return the new value of `@restoring`; an empty value removes the key."""
    return KeyValue(RESTORING_KEY, seal(msgspec.msgpack.encode(symbols)) if symbols else b"")


def _notice(symbol: str, *, done: bool) -> KeyValue:
    return KeyValue(symbol.encode(), encode_restoring(Restoring(symbol, done)))
