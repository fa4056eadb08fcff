"""Compaction changes no row, removes nothing that is in use, and gives way to archivers; clean deletes what nobody names."""

import asyncio
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.log_access import TIMEOUT_S
from tests.volcast.lifecycle.archive.archiving import (
    FaultyStore,
    KilledError,
    archiver,
    fill_log,
    in_archive,
    names_in,
    on_log,
    rows_of,
)
from volcast.lifecycle.archive.chain import append_commit, checkpoint, create_archive, load_state, read_commits
from volcast.lifecycle.archive.commits import ArchiveCommit, ChainError, Identity, decode_commit, encode_commit
from volcast.lifecycle.archive.folder import FolderStore
from volcast.lifecycle.archive.layout import ARCHIVE_TABLES, checkpoint_name, commit_name, number_of_data
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.archive.store import ObjectStore, StoredObject, StoreError
from volcast.lifecycle.archive.upkeep.compaction import Compacted, closed_days, commits_until, compact
from volcast.lifecycle.archive.upkeep.retention import clean, expire, old_checkpoints, unnamed
from volcast.lifecycle.track_record.audit import audit_archive
from volcast.log.sqlite.log import SqliteLog

ALWAYS_MS = 4_000_000_000_000
DAY_MINUTES = 1_440
MINUTES = range(DAY_MINUTES - 8, DAY_MINUTES + 8)
"""The end of a day and the beginning of the next one."""


@pytest.fixture
async def store(tmp_path: Path) -> FolderStore:
    """An archive of many small files."""
    found = FolderStore(tmp_path / "archive")
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, MINUTES)
        await archiver(log, found, rows=15).run()
    return found


def compacted(store: ObjectStore, settled_before_ms: int = ALWAYS_MS, nonce: str = "n") -> Compacted:
    return compact(store, settled_before_ms=settled_before_ms, nonce=lambda: nonce, now_ms=lambda: 1)


async def test_the_rows_stay_and_the_files_become_few(store: FolderStore, tmp_path: Path) -> None:
    before = {table: rows_of(store, table) for table in ARCHIVE_TABLES}
    open_days = [each for each in load_state(store).files.values() if each.day == "2024-01-02"]
    done = compacted(store)
    assert done.days > 5
    assert done.files > 2 * done.days
    for table in ARCHIVE_TABLES:
        assert rows_of(store, table).equals(before[table]), table
    state = load_state(store)
    assert [each for each in state.files.values() if each.day == "2024-01-02"] == open_days, "it may still grow"
    closed = [(each.table, each.symbol) for each in state.files.values() if each.day == "2024-01-01"]
    assert len(closed) == len(set(closed))
    async with SqliteLog(tmp_path / "log.db") as log:
        assert in_archive(store) == await on_log(log)
    assert compacted(store) == Compacted(0, 0, 0, 0)


async def test_a_day_that_still_grows_waits(store: FolderStore) -> None:
    assert compacted(store, settled_before_ms=0) == Compacted(0, 0, 0, 0)
    state = load_state(store)
    assert closed_days(state, state.number)
    some = max(number_of_data(each.name) or 0 for each in state.files.values() if each.day == "2024-01-01")
    assert all((number_of_data(file.name) or 0) < some for files in closed_days(state, some - 1) for file in files), (
        "what was added later is not settled"
    )


async def test_a_reader_with_an_older_list_goes_on(store: FolderStore) -> None:
    archive = Archive(store)
    before = archive.scan("candles").collect()
    compacted(store)
    assert archive.scan("candles").collect().equals(before)
    assert clean(store, removed_before_ms=0, begun_before_ms=0) == 0
    assert archive.scan("candles").collect().equals(before)
    archive.refresh()
    assert archive.scan("candles").collect().height == before.height


async def test_a_damaged_file_is_not_merged(store: FolderStore, tmp_path: Path) -> None:
    state = load_state(store)
    (first, *_), *_ = closed_days(state, state.number)
    path = tmp_path / "archive" / first.name
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    with pytest.raises(StoreError, match="has changed since it was written"):
        compacted(store)
    path.unlink()
    with pytest.raises(StoreError, match="is missing, though a commit names it"):
        compacted(store)
    assert load_state(store).number == state.number


async def test_it_may_be_killed_before_and_after_any_write(store: FolderStore, tmp_path: Path) -> None:
    before, clock = {table: rows_of(store, table) for table in ARCHIVE_TABLES}, itertools.count()
    while True:
        moment = next(clock)

        def die(place: int, moment: int = moment) -> None:
            if place == moment:
                raise KilledError

        try:
            compacted(FaultyStore(store, die))
        except KilledError:
            assert all(rows_of(store, table).equals(before[table]) for table in ARCHIVE_TABLES), moment
        else:
            break
    assert moment > 10
    clean(store, removed_before_ms=ALWAYS_MS, begun_before_ms=0)
    assert all(rows_of(store, table).equals(before[table]) for table in ARCHIVE_TABLES)
    assert {name for name in names_in(tmp_path / "archive") if name.startswith("data")} == set(load_state(store).files)


async def test_beside_an_archiver_nothing_is_lost(tmp_path: Path) -> None:
    """Both write commits, and clean deletes all it may at once."""
    store = FolderStore(tmp_path / "archive")
    async with SqliteLog(tmp_path / "log.db") as log:
        running = asyncio.create_task(archiver(log, store, once=False, every_s=0.1, rows=10).run())
        filling = asyncio.create_task(fill_log(log, MINUTES))
        while not filling.done() or not closed_days(load_state(store), ALWAYS_MS):
            if store.list_after("commits"):
                await asyncio.to_thread(compacted, store)
                await asyncio.to_thread(clean, store, removed_before_ms=ALWAYS_MS, begun_before_ms=0)
            await asyncio.sleep(0.02)
        for _ in range(3):
            await asyncio.to_thread(compacted, store)
            await asyncio.to_thread(clean, store, removed_before_ms=ALWAYS_MS, begun_before_ms=0)
        running.cancel()
        await asyncio.wait([running])
        async with asyncio.timeout(TIMEOUT_S):
            await archiver(log, store).run()
        assert in_archive(store) == await on_log(log)
    assert {"records", "compacted"} == {decode_commit(raw).kind for _, raw in read_commits(store)}


async def test_of_two_compactions_at_once_one_has_its_way(store: FolderStore) -> None:
    """The other one finds that its files are gone, and leaves the day as it is."""
    before = {table: rows_of(store, table) for table in ARCHIVE_TABLES}
    done = list[Compacted]()

    def compact_in_between(place: int) -> None:
        if place == 1:
            done.append(compacted(store, nonce="another's"))

    second = compacted(FaultyStore(store, compact_in_between))
    assert done[0].days > 5
    assert second == Compacted(0, 0, 0, 0)
    assert all(rows_of(store, table).equals(before[table]) for table in ARCHIVE_TABLES)
    assert [each.kind for each in Archive(store).commits()].count("compacted") == 1


async def test_what_no_commit_names_is_deleted_but_not_what_is_being_written(store: FolderStore, tmp_path: Path) -> None:
    state = load_state(store)
    folder = "data/candles/symbol=BTCUSDT/day=2024-01-01"
    orphan, next_one = (f"{folder}/{number:012}-00000000.parquet" for number in (state.number, state.number + 1))
    for name in (orphan, next_one, f"{folder}/of-somebody-else.parquet"):
        store.create(name, b"x")
    assert unnamed(store, removed_before_ms=0) == [orphan]
    assert clean(store, removed_before_ms=0, begun_before_ms=0) == 1
    left = names_in(tmp_path / "archive")
    assert orphan not in left
    assert {next_one, f"{folder}/of-somebody-else.parquet"} <= left


async def test_clean_sweeps_what_a_killed_writer_left(store: FolderStore, tmp_path: Path) -> None:
    old, new = tmp_path / "archive/commits/.a.tmp", tmp_path / "archive/commits/.b.tmp"
    for path in (old, new):
        path.write_bytes(b"")
    os.utime(old, (1_000, 1_000))
    clean(store, removed_before_ms=0, begun_before_ms=2_000_000)
    assert (old.exists(), new.exists()) == (False, True)


async def test_days_expire_by_table(store: FolderStore) -> None:
    noon_ms = 1_704_067_200_000 + 36 * 3_600_000  # of the second day
    rows = rows_of(store, "signals").height
    kept = {table: rows_of(store, table) for table in ARCHIVE_TABLES}
    expired = expire(store, {"candles": 0, "rejects": 1}, now_ms=noon_ms, nonce=lambda: "n")
    assert {each.table for each in expired} == {"candles"}
    assert {each.day for each in expired} == {"2024-01-01"}
    assert rows_of(store, "signals").height == rows
    assert rows_of(store, "rejects").equals(kept["rejects"])
    assert set(rows_of(store, "candles")["day"].drop_nulls().dt.to_string("%Y-%m-%d")) == {"2024-01-02"}
    assert expire(store, {"candles": 0}, now_ms=noon_ms, nonce=lambda: "n") == []
    assert Archive(store).commits()[-1].kind == "expired"


async def test_rows_without_a_day_expire_by_the_day_they_were_written(store: FolderStore) -> None:
    without = [each for each in load_state(store).files.values() if each.day is None]
    assert without
    assert expire(store, {"candles": 1}, now_ms=1_704_067_200_000, nonce=lambda: "n") == []
    gone = expire(store, {"candles": 1}, now_ms=ALWAYS_MS, nonce=lambda: "n")
    assert {each.name for each in without if each.table == "candles"} <= {each.name for each in gone}


async def test_a_commit_of_compaction_follows_the_chain(store: FolderStore, tmp_path: Path) -> None:
    """It cannot be taken out, or written anew with other files."""
    compacted(store)
    state = load_state(store)
    path = tmp_path / "archive" / commit_name(state.number - 1)
    commit = decode_commit(path.read_bytes())
    path.write_bytes(encode_commit(replace(commit, added=commit.added[1:])))
    with pytest.raises(ChainError, match="does not follow"):
        load_state(store)


async def test_no_file_becomes_too_large(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest ones are merged; a large one stays as it is."""
    state = load_state(store)
    group = next(files for files in closed_days(state, state.number) if len(files) > 2)
    *small, large = sorted(each.size for each in group)
    monkeypatch.setattr("volcast.lifecycle.archive.upkeep.compaction._MAX_FILE_BYTES", sum(small) + large - 1)
    chosen = next(files for files in closed_days(state, state.number) if set(files) <= set(group))
    assert sorted(each.size for each in chosen) == small
    monkeypatch.setattr("volcast.lifecycle.archive.upkeep.compaction._MAX_FILE_BYTES", 0)
    assert closed_days(state, state.number) == []


class LookingStore(FolderStore):
    """A folder that counts what is looked at of the commits."""

    looked = 0

    def head(self, name: str) -> StoredObject:
        self.looked += name.startswith("commits/")
        return super().head(name)

    def list_after(self, folder: str, after: str = "") -> Sequence[StoredObject]:
        found = super().list_after(folder, after)
        self.looked += len(found) * (folder == "commits")
        return found


def many_commits(folder: Path, count: int) -> LookingStore:
    """Return a store with so many commits, a minute apart, of one file a day each."""
    store = LookingStore(folder)
    create_archive(store, Identity("sqlite", "", 1, 0))
    state = load_state(store)
    for number in range(1, count + 1):
        commit = ArchiveCommit(number, "records", state.sha256, "n", 0, checkpoint=checkpoint(store, state))
        append_commit(store, state, commit)
        os.utime(folder / commit_name(number), (60.0 * number, 60.0 * number))
    for each in store.list_after("checkpoints"):
        os.utime(folder / each.name, (60.0, 60.0))
    return store


def test_compaction_and_cleaning_look_at_few_commits_however_many_there_are(tmp_path: Path) -> None:
    store = many_commits(tmp_path, 1_050)
    store.looked = 0
    compact(store, settled_before_ms=60_000 * 500, nonce=lambda: "n", now_ms=lambda: 1)
    assert store.looked < 300, "those after the last checkpoint, some times, and the halves of a search"
    for minutes in (0, 1, 500, 1_049, 1_050):
        assert commits_until(store, 1_050, 60_000 * minutes) == minutes
    assert commits_until(store, 1_050, ALWAYS_MS) == 1_050


def test_old_checkpoints_go_and_the_archive_is_opened_and_audited_as_before(tmp_path: Path) -> None:
    """There is one for each hundred commits, as large as the list of files; without cleaning they would be most of an archive."""
    store = many_commits(tmp_path, 1_050)
    before = load_state(store)
    assert clean(store, removed_before_ms=59_000, begun_before_ms=0) == 0, "they are not so old yet"
    assert old_checkpoints(store, 60_000) == [checkpoint_name(number) for number in range(100, 800, 100)]
    assert clean(store, removed_before_ms=60_000, begun_before_ms=0) == 7
    assert [each.name for each in store.list_after("checkpoints")] == [checkpoint_name(number) for number in (800, 900, 1_000)]
    assert load_state(store) == before
    report = audit_archive(store)
    assert (report.passed, report.commits, report.checkpoints) == (True, 1_050, 3), report.problems
