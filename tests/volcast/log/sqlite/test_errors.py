"""Faults of a database in use: each is reported at once in one sentence, and afterwards all that was committed is there."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.log_access import fill, records_of
from volcast.log.contract import Commit, Consumer, KeyValue, Mismatch, Restored, Topic
from volcast.log.sqlite.log import SqliteLog

ONE = KeyValue(b"BTCUSDT", b"one")
MANY = [KeyValue(b"BTCUSDT", b"%d" % i + b"." * 500) for i in range(200)]

WITHOUT_ROOTS_PRIVILEGES = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: without them file modes apply to root, too
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: takes effect with the next program
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""
APPEND = """
import asyncio, sys
from volcast.log.contract import KeyValue, LogError, Topic
from volcast.log.sqlite.log import SqliteLog

async def append():
    async with SqliteLog(sys.argv[1]) as log:
        async with log.reader(Topic.CANDLES) as reader:
            print(len(await reader.read(10, 0.0)))
        async with log.appender("test") as appender:
            await appender.append([KeyValue(b"A", b"1")])

try:
    asyncio.run(append())
except LogError as error:
    print(f"{type(error).__name__}: {error}")
"""


async def values(log: SqliteLog, topic: Topic) -> list[bytes]:
    return [record.value for record in await records_of(log, topic)]


@asynccontextmanager
async def log_in_use(path: Path) -> AsyncIterator[tuple[SqliteLog, Consumer]]:
    """Yield a log with many candles, and a consumer of it that has committed once."""
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await fill(log, MANY)
        await consumer.open(0)
        await consumer.seek(0, 0)
        await consumer.commit(0, Commit(2, [ONE], [], [ONE]))
        yield log, consumer


async def assert_writes_fail(log: SqliteLog, consumer: Consumer, sentence: str) -> None:
    """Assert that commits and appends fail with the message."""
    with pytest.raises(Mismatch, match=sentence):
        await consumer.commit(0, Commit(3, MANY, MANY, MANY))
    with pytest.raises(Mismatch, match=sentence):
        await fill(log, MANY)


async def assert_continues(
    log: SqliteLog, consumer: Consumer, signals: Sequence[bytes] = (b"one",), candles: int = len(MANY)
) -> None:
    """Assert that exactly what was committed is there, and that the next commit and append succeed."""
    assert await values(log, Topic.SIGNALS) == [*signals]
    assert await values(log, Topic.REJECTED) == []
    assert len(await records_of(log, Topic.CANDLES)) == candles
    assert await consumer.open(0) == Restored(2, {b"BTCUSDT": b"one"}, 2)
    await consumer.commit(0, Commit(3, [ONE]))
    await fill(log, [ONE])
    assert await values(log, Topic.SIGNALS) == [*signals, b"one"]
    assert len(await records_of(log, Topic.CANDLES)) == candles + 1
    assert await log.database.read(lambda db: db.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]


async def pragma(log: SqliteLog, text: str) -> int:
    """Run a PRAGMA on the connection of this log, and return its result."""
    return int((await log.database.read(lambda db: db.execute(f"PRAGMA {text}").fetchone() or (0,)))[0])


async def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    async with log_in_use(tmp_path / "log.db") as (log, consumer):
        limit = await pragma(log, "max_page_count")
        await pragma(log, f"max_page_count = {await pragma(log, 'page_count') + 10}")
        await assert_writes_fail(log, consumer, f"no space is left on the disk of the database {log.database.path}: free some")
        assert len(await records_of(log, Topic.CANDLES)) == len(MANY)  # reads still work
        await pragma(log, f"max_page_count = {limit}")
        await assert_continues(log, consumer)


async def test_an_append_that_fails_in_the_middle_leaves_the_appender_usable(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log, log.appender("test") as appender:
        await appender.append([ONE])
        limit = await pragma(log, "max_page_count")
        await pragma(log, f"max_page_count = {await pragma(log, 'page_count') + 2}")
        with pytest.raises(Mismatch, match="no space is left"):
            await appender.append(MANY)
        await pragma(log, f"max_page_count = {limit}")
        await appender.append([ONE])
        assert await values(log, Topic.CANDLES) == [b"one", b"one"]


async def test_a_database_that_became_read_only_is_reported(tmp_path: Path) -> None:
    async with log_in_use(tmp_path / "log.db") as (log, consumer):
        await pragma(log, "query_only = 1")
        await assert_writes_fail(log, consumer, f"the database {log.database.path} can't be written: make it")
        await pragma(log, "query_only = 0")
        await assert_continues(log, consumer)


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "read"),
    [(0o444, 0o755, "10\n"), (0o444, 0o555, "10\n"), (0o644, 0o555, "10\n"), (0o000, 0o755, "Mis")],
    ids=["file", "both", "folder", "unreadable"],
)
async def test_missing_permissions_are_reported(tmp_path: Path, file_mode: int, folder_mode: int, read: str) -> None:
    folder = tmp_path / "folder"
    path = folder / "log.db"
    async with log_in_use(path):
        pass
    before = path.read_bytes()
    path.chmod(file_mode)
    folder.chmod(folder_mode)
    command = (sys.executable, "-c", WITHOUT_ROOTS_PRIVILEGES, APPEND, str(path))
    process = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)  # SQLite gives the files beside the database its own mode
    assert process.stdout.startswith(read)
    assert f"Mismatch: the database {path} can't be written: make it" in process.stdout
    assert path.read_bytes() == before
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await assert_continues(log, consumer)


async def test_damage_is_reported_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path):
        pass
    sound = path.read_bytes()
    damaged = bytearray(sound)
    damaged[len(sound) // 2 : len(sound) // 2 + 16_384] = b"\xa5" * 16_384
    path.write_bytes(damaged)
    async with SqliteLog(path) as log, log.consumer() as consumer:
        assert (await consumer.open(0)).position == 2
        await consumer.seek(0, 0)
        with pytest.raises(Mismatch, match=rf"the database {path} is damaged \(.*\): restore it from a backup"):
            await consumer.poll(len(MANY), 0.0)
    path.write_bytes(sound)
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await assert_continues(log, consumer)


async def test_a_moved_file_is_reported_and_works_again_when_it_is_put_back(tmp_path: Path) -> None:
    path, away = tmp_path / "log.db", tmp_path / "away.db"
    async with log_in_use(path) as (log, consumer):
        path.rename(away)
        sentence = (
            f"the database {path} was deleted or moved while it was in use: stop all processes that use it, then put it back"
        )
        await assert_writes_fail(log, consumer, sentence)
        for read in (consumer.poll(10, 0.0), records_of(log, Topic.SIGNALS), log.peek()):
            with pytest.raises(Mismatch, match=sentence):
                await read
        assert not path.exists()
        away.rename(path)
        await assert_continues(log, consumer)


async def test_a_moved_file_that_is_put_back_after_the_stop_is_complete(tmp_path: Path) -> None:
    path, away = tmp_path / "log.db", tmp_path / "away.db"
    async with log_in_use(path):
        path.rename(away)
    away.rename(path)
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await assert_continues(log, consumer)


async def test_a_deleted_file_is_not_written_to_and_its_replacement_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path) as (log, consumer):
        path.unlink()
        await assert_writes_fail(log, consumer, "was deleted or moved while it was in use")
        with pytest.raises(
            Mismatch, match=f"{path} is missing, but {path}-wal holds its last commits: put the database back; or"
        ):
            async with SqliteLog(path):
                pass
        assert not path.exists()
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink()
        async with SqliteLog(path) as replacement:
            await fill(replacement, [ONE])
            await assert_writes_fail(
                log, consumer, f"the database {path} was replaced by another file while it was in use: stop all"
            )
            assert await values(replacement, Topic.CANDLES) == [b"one"]
    async with SqliteLog(path) as replacement:
        assert await values(replacement, Topic.CANDLES) == [b"one"]
        assert await values(replacement, Topic.SIGNALS) == []


async def test_a_replaced_file_is_intact_after_the_advice_is_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "log.db", tmp_path / "other.db"
    async with log_in_use(other):
        pass
    async with log_in_use(path) as (log, consumer):
        await consumer.commit(0, Commit(9, [ONE, ONE, ONE], [], [KeyValue(b"BTCUSDT", b"nine")]))
        other.rename(path)
        await assert_writes_fail(
            log, consumer, f"delete {path}-wal and {path}-shm, which belong to the former file, and start again"
        )
    (tmp_path / "log.db-wal").unlink(missing_ok=True)
    (tmp_path / "log.db-shm").unlink(missing_ok=True)
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await assert_continues(log, consumer)


async def test_an_error_of_another_cause_is_reported_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with log_in_use(path):
        pass
    (tmp_path / "log.db-wal").mkdir()
    with pytest.raises(
        Mismatch, match=f"the database {path} can't be used: unable to open database file, SQLITE_CANTOPEN.*; check"
    ):
        async with SqliteLog(path):
            pass
    (tmp_path / "log.db-wal").rmdir()
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await assert_continues(log, consumer)


async def test_candles_deleted_before_they_were_answered_are_an_error(tmp_path: Path) -> None:
    async with log_in_use(tmp_path / "log.db") as (log, consumer):
        await log.database.write(lambda db: db.execute("DELETE FROM candles WHERE offset < 2").rowcount)
        assert (await consumer.open(0)).earliest == 2
        await log.database.write(lambda db: db.execute("DELETE FROM candles WHERE offset < 50").rowcount)
        with pytest.raises(
            Mismatch, match="the state continues at candle 2, the oldest candle is 50: choose another file to start anew"
        ):
            await consumer.open(0)
        await log.database.write(lambda db: db.execute("DELETE FROM candles").rowcount)
        assert (await log.peek())[0].earliest == len(MANY) + 1
