"""How the parts of a partition's state vouch for each other, so that state that is gone is never taken for a beginning. Pure.

    @checkpoint   written in each commit: its two offsets, digests of the records below them, and the CRC-32 of @manifest
    @manifest     the CRC-32 of the value of each other key; written in each commit that changes one of them

The log keeps the position as well. Both are written in one transaction and positions only rise, so the higher one is the last
commit's. Keys that are missing or differ from the manifest are rebuilt from the log. If the checkpoint or the manifest is lost,
everything is rebuilt. If nothing knows the position although there is output, the state is refused.

A digest is a CRC-32 over all records from the first one on. It shows whether a replay has read the records that were answered.
Another one covers the output: a standby that has processed the same records compares it with its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar
from zlib import crc32

import msgspec
from msgspec import Struct

from volcast.core.codec import UNDECODABLE
from volcast.log.contract import KeyValue, Mismatch, Record, Restored

from .sealing import seal, unseal

CHECKPOINT_KEY = b"@checkpoint"
MANIFEST_KEY = b"@manifest"

_Value = TypeVar("_Value")


class Mark(NamedTuple):
    """A place between two records: the offset of the next record, and the digest of all records before."""

    offset: int
    digest: int


class OutputDigest(NamedTuple):
    """The CRC-32 of all signals of a partition, and of all its rejects: key and value of each, in order, without notices."""

    signals: int = 0
    rejects: int = 0

    def after(self, signals: Iterable[KeyValue], rejects: Iterable[KeyValue]) -> "OutputDigest":
        """Return the digest of this output and of what follows it; how it is divided into commits makes no difference."""
        return OutputDigest(_crc32_of(signals, self.signals), _crc32_of(rejects, self.rejects))


class Checkpoint(Struct, frozen=True):
    """What each commit says about itself: two processes that have processed the same records write the same one."""

    position: Mark
    replay_from: Mark
    manifest: int
    output: OutputDigest


class VerifiedState(NamedTuple):
    """What is left of the state of the last commit, as far as its parts vouch for each other."""

    position: int
    replay_from: int
    """The offset from which the values lack records; 0 if that is not known."""
    digests: tuple[int, int] | None
    """The digests of the records below `replay_from` and below `position`; None if they are not known."""
    values: dict[bytes, bytes]
    """The value of each key that is as it was written last. If `manifest` is None, a value may be older."""
    problems: dict[bytes, str]
    """The keys whose value is missing or damaged, with what is wrong."""
    manifest: dict[bytes, int] | None
    """The CRC-32 of the value of each key; None if it is not known which keys there were."""
    output: OutputDigest = OutputDigest()
    """The digest of the output up to `position`; it starts anew where it is not known."""


def verify_state(restored: Restored) -> VerifiedState:
    """Return what can be relied on. Raises Mismatch if the position is lost: then it is not known what was answered."""
    stored = restored.snapshots
    values = {key: value for key, value in stored.items() if key not in {CHECKPOINT_KEY, MANIFEST_KEY}}
    checkpoint = read_checkpoint(stored.get(CHECKPOINT_KEY))
    if checkpoint is None and restored.position_unknown:
        raise Mismatch(
            f"{restored.where}: there are signals or rejects, but the position up to which candles were answered is gone or "
            "damaged: restore it from a backup, or choose another log to start anew"
        )
    if checkpoint is None or (checkpoint.position.offset < restored.position and not restored.position_unknown):
        return VerifiedState(restored.position, 0, None, values, {}, None)
    position, replay_from = checkpoint.position, checkpoint.replay_from
    if position.offset < restored.earliest:
        raise Mismatch(
            f"{restored.where}: the state continues at candle {position.offset}, the oldest candle is {restored.earliest}: "
            "candles were deleted before they were answered; choose another log to start anew"
        )
    raw = stored.get(MANIFEST_KEY, b"")
    manifest, output = read_manifest(raw) if crc32(raw) == checkpoint.manifest else None, checkpoint.output
    if manifest is None:
        return VerifiedState(position.offset, 0, (0, position.digest), values, {}, None, output)
    problems = {key: _problem(stored.get(key)) for key, checksum in manifest.items() if _checksum(stored.get(key)) != checksum}
    values = {key: value for key, value in values.items() if key in manifest and key not in problems}
    digests = (replay_from.digest, position.digest)
    return VerifiedState(position.offset, replay_from.offset, digests, values, problems, manifest, output)


def read_checkpoint(raw: bytes | None) -> Checkpoint | None:
    """Return the value of `CHECKPOINT_KEY`; None if it is missing or damaged."""
    return _decoded(raw, Checkpoint)


def read_manifest(raw: bytes | None) -> dict[bytes, int] | None:
    """Return the value of `MANIFEST_KEY`; None if it is missing or damaged."""
    return _decoded(raw, dict[bytes, int])


class RecordDigest:
    """The digest of all records that a shard has taken in, and of the output that it has answered them with."""

    def __init__(self, state: VerifiedState, replay: range, *, from_start: bool, is_cut: bool, where: str) -> None:
        """`replay` are the offsets to be read again, `from_start` says that they begin with the first record of all."""
        before, at_position = state.digests or (0, 0)
        self.value = (0 if from_start else before) if replay else at_position
        self._expected = at_position if state.digests and replay and not is_cut else None
        """What a replay must arrive at; None if that is not known, or once it has."""
        self.output = state.output
        self._replay, self._where = replay, where

    def add(self, record: Record) -> None:
        """Take in the next record."""
        if self._expected is not None and record.offset >= self._replay.stop:
            self.check_replay()
        self.value = crc32(record.value, crc32(record.key, self.value))

    def answer(self, signals: Iterable[KeyValue], rejects: Iterable[KeyValue]) -> None:
        """Take in what the records were answered with."""
        self.output = self.output.after(signals, rejects)

    def check_replay(self) -> None:
        """Raise Mismatch if the replay, which has ended, has read other records than those that were answered."""
        if self._expected not in {None, self.value}:
            raise Mismatch(
                f"{self._where}: the candles from {self._replay.start} to {self._replay.stop} are not those that were answered: "
                "some were deleted or changed; restore the log from a backup, or choose another one to start anew"
            )
        self._expected = None


class CheckpointWriter:
    """Encodes the checkpoint of each commit, and the manifest of those that change it."""

    def __init__(self, manifest: Mapping[bytes, int]) -> None:
        """`manifest` holds the CRC-32 of each key whose value is good."""
        self.manifest = dict(manifest)
        self._checksum: int | None = None
        """The CRC-32 of the manifest as it was written last; None if it has to be written."""

    def note(self, changed: Sequence[KeyValue]) -> None:
        """Note that these values are written; an empty value removes its key."""
        for key, value in changed:
            self._checksum = None
            if value:
                self.manifest[key] = crc32(value)
            else:
                self.manifest.pop(key, None)

    def encode(self, changed: Sequence[KeyValue], position: Mark, replay_from: Mark, output: OutputDigest) -> list[KeyValue]:
        """Return the records that vouch for a commit that changes these values, as `note`; `output` is the digest up to it."""
        self.note(changed)
        records = []
        if self._checksum is None:
            encoded = seal(msgspec.msgpack.encode(dict(sorted(self.manifest.items()))))
            self._checksum = crc32(encoded)
            records.append(KeyValue(MANIFEST_KEY, encoded))
        checkpoint = Checkpoint(position, replay_from, self._checksum, output)
        return [*records, KeyValue(CHECKPOINT_KEY, seal(msgspec.msgpack.encode(checkpoint)))]


def with_values(restored: Restored, changed: Sequence[KeyValue]) -> list[KeyValue]:
    """Return what to commit so that the state holds these values, too, and all of it is vouched for; the position stays.

    Raises Mismatch if a part of the state is lost.
    """
    state = verify_state(restored)
    is_new = not state.values and state.digests is None and state.position == restored.earliest
    if not is_new and (state.manifest is None or state.problems):
        raise Mismatch(f"{restored.where}: a part of the state is lost: start a consumer once, which rebuilds it, then try again")
    replay_digest, digest = state.digests or (0, 0)
    places = Mark(state.position, digest), Mark(state.position if is_new else state.replay_from, replay_digest)
    return [*changed, *CheckpointWriter(state.manifest or {}).encode(changed, *places, state.output)]


def _crc32_of(records: Iterable[KeyValue], before: int) -> int:
    for key, value in records:
        before = crc32(value, crc32(key, before))
    return before


def _checksum(value: bytes | None) -> int | None:
    return None if value is None else crc32(value)


def _problem(value: bytes | None) -> str:
    return "it is missing" if value is None else "its checksum does not match: it is damaged"


def _decoded(raw: bytes | None, kind: type[_Value]) -> _Value | None:
    """Return a sealed value; None if it is missing or damaged."""
    try:
        return msgspec.msgpack.decode(unseal(raw), type=kind) if raw else None
    except UNDECODABLE:
        return None
