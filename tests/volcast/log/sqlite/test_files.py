"""The files of a log: who can read them, what happens if one of them goes, and a log on a read-only disk."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.log_access import fill, records_of
from tests.volcast.log.sqlite.test_errors import ONE, WITHOUT_ROOTS_PRIVILEGES, log_in_use, values
from volcast.log.contract import Commit, Mismatch, Topic
from volcast.log.sqlite.log import SqliteLog

READ = """
import asyncio, sys
from volcast.log.contract import LogError, Topic
from volcast.log.sqlite.log import SqliteLog

async def read():
    async with SqliteLog(sys.argv[1]) as log:
        async with log.reader(Topic.CANDLES) as reader:
            print(len(await reader.read(1_000, 0.0)))
        print((await log.peek())[0].position)

try:
    asyncio.run(read())
except LogError as error:
    print(f"{type(error).__name__}: {error}")
"""


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
async def test_only_the_owner_can_read_what_is_created(tmp_path: Path) -> None:
    path = tmp_path / "data" / "log.db"
    async with log_in_use(path) as (_, consumer):
        assert await consumer.assignment()
        assert sorted(each.name for each in path.parent.iterdir()) == ["log.db", "log.db-consumer", "log.db-shm", "log.db-wal"]
        assert {mode(each) for each in path.parent.iterdir()} == {0o600}
        assert mode(path.parent) == 0o700


async def test_a_file_that_all_can_read_is_reported_and_left_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path):
        assert caplog.messages == []
    path.chmod(0o644)
    async with SqliteLog(path):
        assert caplog.messages == [f"all users of this machine can read {path}: run `chmod 600 {path}*` if they should not"]
    assert mode(path) == 0o644


async def test_nothing_acknowledged_is_lost_if_the_write_ahead_log_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path) as (log, consumer):
        await log.database.write(lambda db: db.execute("PRAGMA wal_autocheckpoint = 0").fetchall())
        for position in range(3, 20):
            await consumer.commit(0, Commit(position, [ONE]))
        beside(path, "-wal").unlink()
        sentence = f"{path}-wal, a part of the database {path}, was deleted or moved while it was in use: .*; everything that was"
        for _ in range(2):
            with pytest.raises(Mismatch, match=sentence):
                await consumer.commit(0, Commit(20, [ONE]))
            with pytest.raises(Mismatch, match=sentence):
                await values(log, Topic.SIGNALS)
        with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as db:  # as a killed process leaves it
            assert db.execute("SELECT count(*) FROM signals").fetchone() == (18,)
        db.close()
    async with SqliteLog(path) as log, log.consumer() as consumer:
        assert (await consumer.open(0)).position == 19
        assert len(await values(log, Topic.SIGNALS)) == 18


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
async def test_a_replaced_file_beside_the_database_is_noticed(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path) as (log, consumer):
        beside(path, ending).rename(tmp_path / "away")
        beside(path, ending).touch()
        with pytest.raises(Mismatch, match=r"was replaced by another file while it was in use: .*; the last commits may be lost"):
            await consumer.commit(0, Commit(3, [ONE]))
        (tmp_path / "away").rename(f"{path}{ending}")
        assert len(await values(log, Topic.SIGNALS)) == 1


async def test_a_database_that_is_emptied_while_in_use_is_noticed_by_readers_and_writers(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path) as (log, consumer):
        os.truncate(path, 0)
        sentence = f"the database {path} was emptied while it was in use: stop all processes that use it"
        for _ in range(2):
            with pytest.raises(Mismatch, match=sentence):
                await values(log, Topic.SIGNALS)
            with pytest.raises(Mismatch, match=sentence):
                await consumer.commit(0, Commit(3, [ONE]))


async def test_a_database_that_was_emptied_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path) as (_, consumer):
        await consumer.assignment()
    path.write_bytes(b"")
    with pytest.raises(Mismatch, match=f"{path} is empty, but it was in use before, as {path}-consumer shows: restore it from"):
        async with SqliteLog(path):
            pass
    assert path.read_bytes() == b""
    path.unlink()
    beside(path, "-consumer").unlink()
    async with SqliteLog(path) as log:
        assert await values(log, Topic.CANDLES) == []


async def test_a_database_that_was_deleted_is_created_anew_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path) as (_, consumer):
        await consumer.assignment()
    path.unlink()
    async with SqliteLog(path) as log:
        assert await values(log, Topic.CANDLES) == []
    assert caplog.messages == [f"{path} is created anew; a former log of this name was in use, as {path}-consumer shows"]


@pytest.mark.parametrize("is_missing", [True, False])
async def test_commits_that_a_killed_process_left_beside_a_lost_database_are_not_thrown_away(
    tmp_path: Path, *, is_missing: bool
) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path):
        left = beside(path, "-wal").read_bytes()
    path.unlink() if is_missing else path.write_bytes(b"")
    beside(path, "-wal").write_bytes(left)
    with pytest.raises(Mismatch, match=f"is {'missing' if is_missing else 'empty'}, but {path}-wal holds its last commits"):
        async with SqliteLog(path):
            pass
    assert beside(path, "-wal").read_bytes() == left


def read_without_rights(path: Path) -> str:
    """Return the output of a process that may only read."""
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        command = (sys.executable, "-c", WITHOUT_ROOTS_PRIVILEGES, READ, str(path))
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    finally:
        path.parent.chmod(0o700)
        path.chmod(0o600)


async def test_a_log_on_a_read_only_disk_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "log.db"
    async with log_in_use(path):
        pass
    before = sorted(path.parent.iterdir())
    assert await asyncio.to_thread(read_without_rights, path) == "200\n2\n"
    assert sorted(path.parent.iterdir()) == before


async def test_commits_that_cannot_be_read_on_a_read_only_disk_are_told(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "log.db"
    async with log_in_use(path) as (log, _):
        await fill(log, [ONE])
        content, left = path.read_bytes(), beside(path, "-wal").read_bytes()
    path.write_bytes(content)
    beside(path, "-wal").write_bytes(left)
    found = await asyncio.to_thread(read_without_rights, path)
    assert found.startswith(
        f"Mismatch: the last commits of {path} are in {path}-wal, which can't be read on a read-only disk: copy"
    )
    async with SqliteLog(path) as log:
        assert len(await records_of(log, Topic.CANDLES)) == 201


async def test_a_log_that_another_process_is_writing_can_be_read_where_it_is_read_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "log.db"
    async with log_in_use(path):
        assert await asyncio.to_thread(read_without_rights, path) == "200\n2\n"


async def test_an_empty_file_on_a_read_only_disk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "log.db"
    path.parent.mkdir()
    path.touch()
    assert (await asyncio.to_thread(read_without_rights, path)).startswith(f"Mismatch: the database {path} can't be written")
