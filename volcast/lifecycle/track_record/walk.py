"""Follows the chain of commits from its beginning, and goes on behind what is wrong, so that one fault does not hide the next.

    archive.json ◄── commit 1 ◄── commit 2 ◄── …      each arrow is a SHA-256 of the bytes before it
                        │ seals, names and hashes of files
                        ▼
                  the files of today: of a file that was compacted, those that have taken its place

A commit whose bytes have changed is found by the next one, which names its hash. The last one has none behind it: only a hash of
it that was kept elsewhere can vouch for it. Checkpoints are a cache of the same state; an audit never starts from one.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from volcast.lifecycle.archive.commits import (
    ArchiveCommit,
    ArchiveState,
    ChainError,
    DataFile,
    Seal,
    decode_commit,
    decode_identity,
    decode_state,
    new_chain,
    sha256_of,
)
from volcast.lifecycle.archive.layout import (
    CHECKPOINTS,
    COMMITS,
    IDENTITY,
    checkpoint_name,
    commit_name,
    number_of_checkpoint,
    number_of_commit,
)
from volcast.lifecycle.archive.store import ObjectStore, StoredObject, StoreError
from volcast.lifecycle.wording import with_noun

from .findings import AuditProblem, AuditReport

_READERS, _READ_AHEAD = 8, 256


class NothingToAudit(StoreError):
    """There is no archive at this root."""


class SealedRange(NamedTuple):
    """A seal, and when the store got it."""

    commit: int
    sealed_ms: int
    """When the commit was written, by the store's clock."""
    seal: Seal
    files: tuple[str, ...]
    """The files of `signals` that the commit has added."""


class ChainWalk:
    """What the commits of a store come to. Problems go into the report."""

    def __init__(self, store: ObjectStore, report: AuditReport) -> None:
        self._store = store
        self._report = report
        self.ranges: list[SealedRange] = []
        self.added_by: dict[str, int] = {}
        """The commit that has added a file, by the file's name."""
        self.expired: set[str] = set()
        """The folders of a table, symbol and day of which retention has removed files."""
        self._successors: dict[str, tuple[str, ...]] = {}
        self._hashes: dict[str, int] = {}
        try:
            identity = store.read(IDENTITY)
        except FileNotFoundError:
            raise NothingToAudit(f"there is no archive at {store.root}") from None
        try:
            decode_identity(identity)
        except ChainError as error:
            report.add(AuditProblem(f"{error}", file=IDENTITY))
        self.state: ArchiveState = new_chain(identity)
        self._follow_all()
        report.commits, report.head_number, report.head = len(self._hashes), self.state.number, self.state.sha256

    def number_of(self, sha256: str) -> int | None:
        """Return the number of the commit with this hash; None if there is none."""
        return self._hashes.get(sha256)

    def live_files(self, name: str) -> set[str] | None:
        """Return the live files that hold the rows of a file that was added once; None if rows of it have been expired."""
        if name in self.state.files:
            return {name}
        if not (followers := self._successors.get(name)):
            return None
        found = set[str]()
        for each in followers:
            if (live := self.live_files(each)) is None:
                return None
            found |= live
        return found

    def _follow_all(self) -> None:
        checkpoints = {
            number: each for each in self._store.list_after(CHECKPOINTS) if (number := number_of_checkpoint(each.name))
        }
        expected = 1
        for each, number, raw in self._commit_objects():
            if number != expected:
                several = f"commits {expected} to {number - 1} are" if number > expected + 1 else f"commit {expected} is"
                self._problem(f"{several} missing, but there is commit {number}", expected, commit_name(expected))
            self._follow(number, raw, each, gap=number != expected)
            self._hashes[self.state.sha256] = number
            if number in checkpoints:
                self._check_checkpoint(number, checkpoints[number])
            expected = number + 1

    def _commit_objects(self) -> Iterator[tuple[StoredObject, int, bytes]]:
        """Yield the commits in order, read ahead: an archiver writes half a million a year, and S3 takes a while for each."""
        listed = self._store.list_after(COMMITS)
        with ThreadPoolExecutor(_READERS) as pool:
            for begin in range(0, len(listed), _READ_AHEAD):
                part = listed[begin : begin + _READ_AHEAD]
                for each, raw in zip(part, pool.map(self._store.read, [each.name for each in part]), strict=True):
                    if (number := number_of_commit(each.name)) is None:
                        self._problem("it is no commit, and does not belong here", None, each.name)
                    else:
                        yield each, number, raw

    def _follow(self, number: int, raw: bytes, stored: StoredObject, *, gap: bool) -> None:
        """Take in a commit, whatever is wrong with the one before."""
        name = stored.name
        sha256 = sha256_of(raw)
        try:
            commit = decode_commit(raw)
        except ChainError as error:
            self._problem(f"{error}", number, name)
            self.state.number, self.state.sha256 = number, sha256
            return
        if commit.number != number:
            self._problem(f"it says that it is commit {commit.number}", number, name)
        elif commit.previous != self.state.sha256 and not gap:
            before = commit_name(number - 1) if number > 1 else IDENTITY
            self._problem(f"it does not follow {before}: one of the two was changed after it was written", number, name)
        self._check_vouched(commit, number)
        self.state.number, self.state.sha256 = commit.number - 1, commit.previous
        removed = [self.state.files[each] for each in commit.removed if each in self.state.files]
        try:
            self.state.follow(raw)
        except ChainError as error:
            self._problem(f"{error}", number, name)
        else:
            self._check_rows(commit, removed, name)
            self._take_in(commit, stored)
        self.state.number, self.state.sha256 = number, sha256

    def _take_in(self, commit: ArchiveCommit, stored: StoredObject) -> None:
        self.added_by.update((file.name, commit.number) for file in commit.added)
        if commit.kind == "compacted":
            by_folder: dict[str, list[str]] = {}
            for file in commit.added:
                by_folder.setdefault(folder_of(file.name), []).append(file.name)
            self._successors.update((name, tuple(by_folder.get(folder_of(name), ()))) for name in commit.removed)
        else:
            self.expired.update(map(folder_of, commit.removed))
        signals = tuple(file.name for file in commit.added if file.table == "signals")
        self.ranges += (SealedRange(commit.number, stored.modified_ms, seal, signals) for seal in commit.seals)
        self._report.lost_ranges += len(commit.lost)

    def _check_rows(self, commit: ArchiveCommit, removed: Sequence[DataFile], name: str) -> None:
        """Report a commit that adds or removes rows, though its kind does not."""
        if commit.kind == "records" and removed:
            self._problem(f"it removes {removed[0].name}, which only compaction and retention do", commit.number, name)
        if commit.kind == "expired" and commit.added:
            self._problem(f"it adds {commit.added[0].name}, though it is one of retention", commit.number, name)
        if commit.kind == "compacted":
            before, after = _rows_by_folder(removed), _rows_by_folder(commit.added)
            for folder in sorted(before.keys() | after.keys()):
                if (old := before.get(folder, 0)) != (new := after.get(folder, 0)):
                    self._problem(f"it compacts {with_noun(old, 'row')} of {folder} to {new}", commit.number, name)

    def _check_vouched(self, commit: ArchiveCommit, number: int) -> None:
        """Compare the hash of a checkpoint that a commit names with that of the object. One that is not there is no loss."""
        if commit.checkpoint is None:
            return
        name = checkpoint_name(commit.checkpoint.number)
        try:
            raw = self._decompressed(name)
        except FileNotFoundError:
            return
        if raw is not None and sha256_of(raw) != commit.checkpoint.sha256:
            self._problem(f"commit {number} names another hash of this checkpoint", number, name)

    def _check_checkpoint(self, number: int, stored: StoredObject) -> None:
        raw = self._decompressed(stored.name)
        if raw is None:
            self._problem("the checkpoint cannot be decompressed", number, stored.name)
            return
        try:
            same = decode_state(raw) == self.state
        except ChainError as error:
            self._problem(f"{error}", number, stored.name)
            return
        if not same:
            self._problem(f"the checkpoint is not what the commits up to {number} come to", number, stored.name)
        self._report.checkpoints += same

    def _decompressed(self, name: str) -> bytes | None:
        data = self._store.read(name)
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return None

    def _problem(self, what: str, commit: int | None, file: str) -> None:
        self._report.add(AuditProblem(what, commit, file))


def _rows_by_folder(files: Iterable[DataFile]) -> dict[str, int]:
    found: dict[str, int] = {}
    for file in files:
        folder = folder_of(file.name)
        found[folder] = found.get(folder, 0) + file.rows
    return found


def folder_of(name: str) -> str:
    """Return the folder of a data file, which stands for its table, symbol and day.

    >>> folder_of("data/signals/symbol=BTCUSDT/day=2026-11-05/000000000042-1f0a9c3e.parquet")
    'data/signals/symbol=BTCUSDT/day=2026-11-05'
    """
    return name.rpartition("/")[0]
