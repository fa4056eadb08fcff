"""Reads the archive's commits from a store, and adds one: the state at the end of the chain, from the last checkpoint on.

A checkpoint is the state after a commit, so that a start reads less than two hundred commits. It is a cache: one that cannot be
read, or does not belong to the chain, is passed over.
"""

import gzip
import logging
import zlib
from collections.abc import Iterator

from .commits import (
    ArchiveCommit,
    ArchiveState,
    ChainError,
    CheckpointHash,
    Identity,
    decode_commit,
    decode_identity,
    decode_state,
    encode_commit,
    encode_identity,
    encode_state,
    new_chain,
    sha256_of,
)
from .layout import (
    CHECKPOINT_EVERY,
    CHECKPOINTS,
    COMMITS,
    IDENTITY,
    checkpoint_name,
    commit_name,
    number_of_checkpoint,
    number_of_commit,
)
from .store import ObjectStore, StoreError

_log = logging.getLogger(__name__)


class NoArchive(StoreError):
    """There is no archive at this root."""


class Overtaken(StoreError):
    """Another writer has written the commit of this number: go on from that one."""


def identity_of(store: ObjectStore) -> Identity:
    """Return which log the archive is of. Raises NoArchive, ChainError or StoreError."""
    return decode_identity(_identity_bytes(store))


def create_archive(store: ObjectStore, identity: Identity) -> Identity:
    """Create the archive, or return the identity of the one that is there. Raises ChainError or StoreError."""
    if store.create(IDENTITY, encode_identity(identity)):
        return identity
    return identity_of(store)


def load_state(store: ObjectStore) -> ArchiveState:
    """Return the state at the end of the chain. Raises NoArchive, ChainError or StoreError."""
    state = _last_checkpoint(store) or new_chain(_identity_bytes(store))
    while _follow_all(store, state):
        pass  # a list may be older than the commits of another writer
    return state


def refresh(store: ObjectStore, state: ArchiveState) -> None:
    """Let the state follow the commits that others have written since. Raises ChainError or StoreError."""
    _follow_all(store, state)


def read_commits(store: ObjectStore, after: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each commit after that number, in order. Raises ChainError if one is missing."""
    expected = after + 1
    for each in store.list_after(COMMITS, commit_name(after) if after else ""):
        number = number_of_commit(each.name)
        if number is None:
            continue
        if number != expected:
            raise ChainError(f"commit {expected} is missing, but there is commit {number}")
        yield number, store.read(each.name)
        expected += 1


def append_commit(store: ObjectStore, state: ArchiveState, commit: ArchiveCommit) -> None:
    """Write the next commit and let the state follow it; now and then write a checkpoint before.

    Raises Overtaken if another writer was faster; StoreError or ChainError otherwise. After StoreUnavailable, call it again with
    the same commit.
    """
    state.check(commit)  # what was written once is there for ever
    raw = encode_commit(commit)
    if not store.create(commit_name(commit.number), raw):
        raise Overtaken(f"{store.root}: commit {commit.number} is by another writer")
    state.follow(raw)


def checkpoint(store: ObjectStore, state: ArchiveState) -> CheckpointHash | None:
    """Write a checkpoint if it is time for one, for the next commit to name. Raises StoreError."""
    if not state.number or state.number % CHECKPOINT_EVERY:
        return None
    raw, name = encode_state(state), checkpoint_name(state.number)
    if not store.create(name, gzip.compress(raw, mtime=0)) and _decompressed(store.read(name)) != raw:
        _log.warning("%s: %s is there with other contents; the commits do without it", store.root, name)
        return None
    return CheckpointHash(state.number, sha256_of(raw))


def _identity_bytes(store: ObjectStore) -> bytes:
    try:
        return store.read(IDENTITY)
    except FileNotFoundError:
        raise NoArchive(f"there is no archive at {store.root}: `volcast archive --to {store.root}` begins one") from None


def _follow_all(store: ObjectStore, state: ArchiveState) -> int:
    count = 0
    for _, raw in read_commits(store, state.number):
        state.follow(raw)
        count += 1
    return count


def _last_checkpoint(store: ObjectStore) -> ArchiveState | None:
    """Return the state of the last checkpoint that belongs to the chain; None if there is none."""
    numbers = [number for each in store.list_after(CHECKPOINTS) if (number := number_of_checkpoint(each.name)) is not None]
    for number in reversed(numbers):
        try:
            return _checked(store, number)
        except (ChainError, FileNotFoundError) as error:
            _log.warning("%s: checkpoint %d is not used: %s", store.root, number, error)
    return None


def _checked(store: ObjectStore, number: int) -> ArchiveState:
    """Return the state in a checkpoint. Raises ChainError if it does not belong to the commits around it."""
    raw = _decompressed(store.read(checkpoint_name(number)))
    state = decode_state(raw)
    if state.number != number or sha256_of(store.read(commit_name(number))) != state.sha256:
        raise ChainError("it does not belong to the commit of its number")
    following = next(read_commits(store, number), None)
    if following and decode_commit(following[1]).checkpoint != CheckpointHash(number, sha256_of(raw)):
        raise ChainError("the commit after it does not name it")
    return state


def _decompressed(data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ChainError(f"it cannot be decompressed: {error}") from None
