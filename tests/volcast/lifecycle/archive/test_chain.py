"""The state at the end of the chain: from a checkpoint or from the start it is the same, and a broken chain is refused."""

import gzip
from pathlib import Path

import pytest

from tests.volcast.lifecycle.archive.archiving import archiver, fill_log, in_archive, on_log
from volcast.lifecycle.archive.chain import NoArchive, Overtaken, append_commit, create_archive, identity_of, load_state
from volcast.lifecycle.archive.commits import ArchiveCommit, ChainError, Identity, decode_commit, encode_state
from volcast.lifecycle.archive.folder import FolderStore
from volcast.lifecycle.archive.layout import CHECKPOINTS, COMMITS, checkpoint_name, commit_name
from volcast.lifecycle.archive.store import StoreError
from volcast.log.sqlite.log import SqliteLog


class CountingStore(FolderStore):
    """Counts what is read."""

    reads = 0

    def read(self, name: str) -> bytes:
        self.reads += 1
        return super().read(name)


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """An archive with a checkpoint after each third commit."""
    monkeypatch.setattr("volcast.lifecycle.archive.chain.CHECKPOINT_EVERY", 3)
    found = FolderStore(tmp_path / "archive")
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(14))
        await archiver(log, found, rows=10).run()
    return found


async def test_a_start_reads_from_the_last_checkpoint_on(store: FolderStore, tmp_path: Path) -> None:
    from_checkpoint = load_state(store)
    assert from_checkpoint.number > 4
    assert len(store.list_after(CHECKPOINTS)) == (from_checkpoint.number - 1) // 3
    counting = CountingStore(tmp_path / "archive")
    load_state(counting)
    assert counting.reads <= 3 + 3
    store.delete([each.name for each in store.list_after(CHECKPOINTS)])
    assert encode_state(load_state(store)) == encode_state(from_checkpoint)


async def test_an_archiver_goes_on_from_a_checkpoint(store: FolderStore, tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(14, 24))
        await archiver(log, store, rows=10).run()
        assert in_archive(store) == await on_log(log)


@pytest.mark.parametrize("damage", ["bytes", "no gzip", "other state", "empty"])
async def test_a_checkpoint_that_cannot_be_used_is_passed_over(
    damage: str, store: FolderStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = load_state(store)
    last = store.list_after(CHECKPOINTS)[-1].name
    path = tmp_path / "archive" / last
    data = path.read_bytes()
    other = gzip.decompress(data).replace(b"BTCUSDT", b"XTCUSDT")
    changed = {"bytes": data[:40] + b"\0\0\0" + data[43:], "no gzip": b"x", "other state": gzip.compress(other), "empty": b""}
    path.write_bytes(changed[damage])
    assert encode_state(load_state(store)) == encode_state(expected)
    assert "is not used" in caplog.text


async def test_a_checkpoint_of_the_end_is_checked_by_its_commit(store: FolderStore, tmp_path: Path) -> None:
    """No later commit vouches for it yet."""
    state = load_state(store)
    number = state.number
    store.create(checkpoint_name(number), gzip.compress(encode_state(state)))
    assert load_state(store).number == number
    forged = encode_state(state).replace(state.sha256.encode(), b"0" * 64)
    (tmp_path / "archive" / checkpoint_name(number)).write_bytes(gzip.compress(forged))
    assert encode_state(load_state(store)) == encode_state(state)


async def test_a_missing_commit_is_named(store: FolderStore) -> None:
    number = load_state(store).number
    store.delete([commit_name(number - 1)])
    with pytest.raises(ChainError, match=f"commit {number - 1} is missing, but there is commit {number}"):
        load_state(store)


async def test_a_changed_commit_is_found(store: FolderStore, tmp_path: Path) -> None:
    store.delete([each.name for each in store.list_after(CHECKPOINTS)])
    path = tmp_path / "archive" / commit_name(2)
    path.write_bytes(path.read_bytes().replace(b'"written_ms":1', b'"written_ms":2'))
    with pytest.raises(ChainError, match="commit 3 does not follow commit 2"):
        load_state(store)


async def test_what_else_is_in_the_folder_is_passed_over(store: FolderStore) -> None:
    expected = load_state(store)
    for name in ("latest", "README.md", "000000000002.json.bak"):
        store.create(f"{COMMITS}/{name}", b"x")
    store.create(f"{CHECKPOINTS}/latest", b"x")
    assert encode_state(load_state(store)) == encode_state(expected)


def test_no_archive_is_said_to_be_none(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "nothing")
    for look in (load_state, identity_of):
        with pytest.raises(NoArchive, match=r"there is no archive at file:///.*/nothing: `volcast archive --to .*` begins one"):
            look(store)
    assert not (tmp_path / "nothing").exists()


def test_an_archive_is_created_once(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    first, second = Identity("sqlite", "", 1, 5), Identity("kafka", "x.", 4, 6)
    assert create_archive(store, first) == first
    assert create_archive(store, second) == first
    assert identity_of(store) == first


def test_of_two_commits_of_a_number_one_counts(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    create_archive(store, Identity("sqlite", "", 1, 5))
    one, other = load_state(store), load_state(store)
    commit = ArchiveCommit(1, "records", one.sha256, "mine", 5)
    append_commit(store, one, commit)
    with pytest.raises(Overtaken, match="commit 1 is by another writer"):
        append_commit(store, other, ArchiveCommit(1, "records", other.sha256, "other", 5))
    append_commit(store, other, commit)  # the same once more, as after a lost answer
    assert other == one
    assert decode_commit(store.read(commit_name(1))).nonce == "mine"


def test_a_commit_that_cannot_follow_is_not_written(tmp_path: Path) -> None:
    """What was written once is there for ever, and would break the chain."""
    store = FolderStore(tmp_path / "archive")
    create_archive(store, Identity("sqlite", "", 1, 5))
    state = load_state(store)
    with pytest.raises(ChainError, match="removes data/x, which is not there"):
        append_commit(store, state, ArchiveCommit(1, "compacted", state.sha256, "n", 5, removed=("data/x",)))
    assert store.list_after(COMMITS) == []


def test_errors_are_of_one_kind() -> None:
    assert issubclass(NoArchive, StoreError)
    assert issubclass(Overtaken, StoreError)
