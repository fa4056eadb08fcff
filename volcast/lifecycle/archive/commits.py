"""What the archive's commits say, and the chain that they form: each one has the SHA-256 of the one before.

A commit names the files that it adds and removes, and the place on the log after which the next one goes on. So what it adds and
how far that is are written at once, as one object that is created only if there is none of that number. Nothing here reads or
writes; times are what a caller gives.

    archive.json ◄── sha256 ── commit 1 ◄── sha256 ── commit 2 ◄── …
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct, field

from volcast.core.drift.alarms import DriftAlarm
from volcast.log.contract import Record

FORMAT = 1
"""Increases with each change that an older reader would misunderstand."""


class ChainError(Exception):
    """A commit that is no commit, or does not follow the one before. The message names it."""


class Identity(Struct, frozen=True):
    """What is in `archive.json`: which log the archive is of. It is written once."""

    log: Literal["kafka", "sqlite"]
    topic_prefix: str
    partitions: int
    created_ms: int
    format: int = FORMAT


class Place(Struct, frozen=True):
    """How far a partition of a topic has been archived."""

    next: int
    """The offset at which to go on: each record below it is in the archive, or was lost, as a commit says."""
    last: int | None = None
    """The offset of the last record that was archived; None if there was none."""
    crc32: int | None = None
    """Of that record's key and value, so that another log is recognized."""


Places = dict[str, dict[int, Place]]
"""By topic and partition."""


class DataFile(Struct, frozen=True):
    """A Parquet file of one table, symbol and day."""

    name: str
    """The object's name below the archive's root."""
    table: str
    symbol: str | None
    """None for rows without a valid symbol."""
    day: str | None
    """The UTC day of all its rows, as in 2026-11-05; None for rows without a valid time."""
    rows: int
    size: int
    """In bytes."""
    sha256: str


class Seal(Struct, frozen=True):
    """The digest of all records of `signals` that a commit has of one partition, in their order."""

    partition: int
    first: int
    """The offset of the first of them."""
    last: int
    signals: int
    """How many they are."""
    sha256: str


class LostRange(Struct, frozen=True):
    """Offsets from `first` (inclusive) to `end` (exclusive) whose records the log had deleted before they were archived."""

    topic: str
    partition: int
    first: int
    end: int


class CheckpointHash(Struct, frozen=True):
    """Which checkpoint a commit vouches for."""

    number: int
    sha256: str


class ArchiveCommit(Struct, frozen=True):
    """One commit: an object of its own, written once."""

    number: int
    """The first commit has number 1."""
    kind: Literal["records", "compacted", "expired"]
    previous: str
    """The SHA-256 of the commit before; for the first one of `archive.json`."""
    nonce: str
    """Random: by it a writer recognizes its own commit after a lost answer."""
    written_ms: int
    """The writer's clock. The time of the store stands at the object."""
    places: Places = field(default_factory=dict)
    """Those that have changed."""
    added: tuple[DataFile, ...] = ()
    removed: tuple[str, ...] = ()
    """Names of files that no longer belong to the archive."""
    seals: tuple[Seal, ...] = ()
    lost: tuple[LostRange, ...] = ()
    alarms: dict[str, tuple[DriftAlarm, ...]] = field(default_factory=dict)
    """The drift alarms that are on after the last signal, of the symbols whose alarms have changed."""
    checkpoint: CheckpointHash | None = None
    format: int = FORMAT


class ArchiveState(Struct):
    """What the commits up to `number` come to."""

    number: int
    sha256: str
    """Of the last commit; of `archive.json` if there is none."""
    places: Places = field(default_factory=dict)
    files: dict[str, DataFile] = field(default_factory=dict)
    """The live files, by name, in the order in which they were added."""
    alarms: dict[str, tuple[DriftAlarm, ...]] = field(default_factory=dict)
    """The drift alarms that are on, by symbol; a symbol without signals is missing."""

    def place(self, topic: str, partition: int) -> Place | None:
        """Return how far a partition has been archived; None if nothing of it has."""
        return self.places.get(topic, {}).get(partition)

    def check(self, commit: ArchiveCommit) -> None:
        """Raise ChainError if this cannot be the next commit."""
        if commit.number != self.number + 1:
            raise ChainError(f"commit {self.number + 1} says that it is commit {commit.number}")
        if commit.previous != self.sha256:
            before = f"commit {self.number}" if self.number else "archive.json"
            raise ChainError(f"commit {commit.number} does not follow {before}: that was changed since, or this one was")
        if missing := [name for name in commit.removed if name not in self.files]:
            raise ChainError(f"commit {commit.number} removes {missing[0]}, which is not there")
        if twice := [each.name for each in commit.added if each.name in self.files]:
            raise ChainError(f"commit {commit.number} adds {twice[0]}, which is there")
        for topic, places in commit.places.items():
            for partition, place in places.items():
                if (known := self.place(topic, partition)) and place.next < known.next:
                    raise ChainError(f"commit {commit.number} goes back on {topic}, partition {partition}, to {place.next}")

    def follow(self, raw: bytes) -> ArchiveCommit:
        """Take in the next commit, from the bytes of its object, and return it.

        Raises ChainError, and then is unchanged, if the bytes are no commit or do not follow.
        """
        try:
            commit = decode_commit(raw)
        except ChainError as error:
            raise ChainError(f"commit {self.number + 1} is damaged: {error}") from None
        self.check(commit)
        for topic, places in commit.places.items():
            self.places.setdefault(topic, {}).update(places)
        for name in commit.removed:
            del self.files[name]
        self.files.update((each.name, each) for each in commit.added)
        self.alarms.update(commit.alarms)
        self.number, self.sha256 = commit.number, sha256_of(raw)
        return commit


_commit_decoder = msgspec.json.Decoder(ArchiveCommit)
_identity_decoder = msgspec.json.Decoder(Identity)
_state_decoder = msgspec.json.Decoder(ArchiveState)


def sha256_of(raw: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(raw).hexdigest()


def encode_commit(commit: ArchiveCommit) -> bytes:
    """Encode a commit as the bytes of its object."""
    return msgspec.json.encode(commit)


def decode_commit(raw: bytes) -> ArchiveCommit:
    """Decode a commit. Raises ChainError if the bytes are none, or if their format is newer than this version reads."""
    try:
        commit = _commit_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ChainError(f"it is no commit of an archive: {error}") from None
    _check_format(commit.format, f"commit {commit.number}")
    return commit


def encode_identity(identity: Identity) -> bytes:
    """Encode the contents of `archive.json`."""
    return msgspec.json.encode(identity)


def decode_identity(raw: bytes) -> Identity:
    """Decode `archive.json`. Raises ChainError as `decode_commit` does."""
    try:
        identity = _identity_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ChainError(f"archive.json is not that of an archive: {error}") from None
    _check_format(identity.format, "archive.json")
    return identity


def encode_state(state: ArchiveState) -> bytes:
    """Encode a state, as a checkpoint holds it; equal histories give equal bytes."""
    return msgspec.json.encode(state)


def decode_state(raw: bytes) -> ArchiveState:
    """Decode a state. Raises ChainError if the bytes are none."""
    try:
        return _state_decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ChainError(f"it is no checkpoint of an archive: {error}") from None


def chained(first: ArchiveState, raws: Iterable[bytes]) -> ArchiveState:
    """Return `first` after it has followed all of the commits. Raises ChainError at the first that does not follow."""
    for raw in raws:
        first.follow(raw)
    return first


def new_chain(identity: bytes) -> ArchiveState:
    """Return the state before the first commit; `identity` are the bytes of `archive.json`."""
    return ArchiveState(0, sha256_of(identity))


def seal_records(records: Iterable[tuple[int, bytes, bytes]]) -> str:
    """Return the SHA-256 over records of one partition in their order: offset, key and value, each with its length.

    The numbers are big-endian: the offset has 8 bytes, a length 4.
    """
    digest = hashlib.sha256()
    for offset, key, value in records:
        digest.update(offset.to_bytes(8, "big"))
        for part in (key, value):
            digest.update(len(part).to_bytes(4, "big"))
            digest.update(part)
    return digest.hexdigest()


def seals_of(records: Iterable[Record]) -> tuple[Seal, ...]:
    """Return the seals of records of `signals`, one for each partition; the records of one stand in their order."""
    by_partition: dict[int, list[Record]] = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record)
    return tuple(
        Seal(number, own[0].offset, own[-1].offset, len(own), seal_records((each.offset, each.key, each.value) for each in own))
        for number, own in sorted(by_partition.items())
    )


def starts(state: ArchiveState, topic: str) -> Mapping[int, int]:
    """Return from which offset to read each partition: from the last record that was archived, which is compared first."""
    places = state.places.get(topic, {})
    return {partition: place.next if place.last is None else place.last for partition, place in places.items()}


def _check_format(found: int, what: str) -> None:
    if found != FORMAT:
        raise ChainError(f"{what} has format {found}, this version reads {FORMAT}: update volcast")
