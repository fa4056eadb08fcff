"""What may happen to a file in use: each fault is told at once in one sentence; with it gone, all that was committed is there."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.log_ends import fill, records_of
from volcast.log.contract import Commit, Consumer, KeyValue, Mismatch, Restored, Topic
from volcast.log.sqlite.log import SqliteLog

ONE = KeyValue(b"BTCUSDT", b"one")
MANY = [KeyValue(b"BTCUSDT", b"%d" % i + b"." * 500) for i in range(200)]

BOUND_BY_MODES = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: without them modes bind root, too
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: it counts from the next program on
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
async def working(path: Path) -> AsyncIterator[tuple[SqliteLog, Consumer]]:
    """A log with many candles, and a consumer of it that has committed once."""
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await fill(log, MANY)
        await consumer.open(0)
        await consumer.seek(0, 0)
        await consumer.commit(0, Commit(2, [ONE], [], [ONE]))
        yield log, consumer


async def refused(log: SqliteLog, consumer: Consumer, sentence: str) -> None:
    """Whatever is written, nothing of it is."""
    with pytest.raises(Mismatch, match=sentence):
        await consumer.commit(0, Commit(3, MANY, MANY, MANY))
    with pytest.raises(Mismatch, match=sentence):
        await fill(log, MANY)


async def goes_on(log: SqliteLog, consumer: Consumer, signals: Sequence[bytes] = (b"one",), candles: int = len(MANY)) -> None:
    """All that was committed is there, nothing else, and the next commit and append are taken."""
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
    """Of this log's connection alone."""
    return int((await log.database.read(lambda db: db.execute(f"PRAGMA {text}").fetchone() or (0,)))[0])


async def test_a_full_disk(tmp_path: Path) -> None:
    async with working(tmp_path / "log.db") as (log, consumer):
        limit = await pragma(log, "max_page_count")
        await pragma(log, f"max_page_count = {await pragma(log, 'page_count') + 10}")
        await refused(log, consumer, f"no space is left for the database {log.database.path}: free some")
        assert len(await records_of(log, Topic.CANDLES)) == len(MANY)  # it can still be read
        await pragma(log, f"max_page_count = {limit}")
        await goes_on(log, consumer)


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


async def test_a_database_that_became_read_only(tmp_path: Path) -> None:
    async with working(tmp_path / "log.db") as (log, consumer):
        await pragma(log, "query_only = 1")
        await refused(log, consumer, f"the database {log.database.path} can't be written: let this user write it")
        await pragma(log, "query_only = 0")
        await goes_on(log, consumer)


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "read"),
    [(0o444, 0o755, "10\n"), (0o444, 0o555, "Mis"), (0o644, 0o555, "Mis"), (0o000, 0o755, "Mis")],
    ids=["file", "both", "folder", "unreadable"],
)
async def test_what_this_user_may_not_write(tmp_path: Path, file_mode: int, folder_mode: int, read: str) -> None:
    folder = tmp_path / "folder"
    path = folder / "log.db"
    async with working(path):
        pass
    before = path.read_bytes()
    path.chmod(file_mode)
    folder.chmod(folder_mode)
    command = (sys.executable, "-c", BOUND_BY_MODES, APPEND, str(path))
    said = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    folder.chmod(0o755)
    path.chmod(0o644)
    assert said.stdout.startswith(read)
    assert f"Mismatch: the database {path} can't be written: let this user write it" in said.stdout
    assert path.read_bytes() == before
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await goes_on(log, consumer)


async def test_damage_in_the_middle_is_told_where_it_is_met(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with working(path):
        pass
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2 : len(whole) // 2 + 16_384] = b"\xa5" * 16_384
    path.write_bytes(damaged)
    async with SqliteLog(path) as log, log.consumer() as consumer:
        assert (await consumer.open(0)).position == 2
        await consumer.seek(0, 0)
        with pytest.raises(Mismatch, match=rf"the database {path} is damaged \(.*\): put a copy of it back"):
            await consumer.poll(len(MANY), 0.0)
    path.write_bytes(whole)
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await goes_on(log, consumer)


async def test_a_file_that_is_moved_away_is_missed_and_goes_on_where_it_is_put_back(tmp_path: Path) -> None:
    path, away = tmp_path / "log.db", tmp_path / "away.db"
    async with working(path) as (log, consumer):
        path.rename(away)
        sentence = f"the database {path} was deleted or moved while it was in use: stop all that use it, then put it back"
        await refused(log, consumer, sentence)
        for read in (consumer.poll(10, 0.0), records_of(log, Topic.SIGNALS), log.peek()):
            with pytest.raises(Mismatch, match=sentence):
                await read
        assert not path.exists()
        away.rename(path)
        await goes_on(log, consumer)


async def test_a_moved_file_that_is_put_back_after_the_stop_has_all(tmp_path: Path) -> None:
    path, away = tmp_path / "log.db", tmp_path / "away.db"
    async with working(path):
        path.rename(away)
    away.rename(path)
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await goes_on(log, consumer)


async def test_a_deleted_file_is_not_written_into_and_its_heir_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with working(path) as (log, consumer):
        path.unlink()
        await refused(log, consumer, "was deleted or moved while it was in use")
        async with SqliteLog(path) as heir:
            await fill(heir, [ONE])
            await refused(log, consumer, f"the database {path} was replaced by another file while it was in use: stop all that")
            assert await values(heir, Topic.CANDLES) == [b"one"]
    async with SqliteLog(path) as heir:
        assert await values(heir, Topic.CANDLES) == [b"one"]
        assert await values(heir, Topic.SIGNALS) == []


async def test_a_replaced_file_is_what_it_was_once_the_advice_is_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "log.db", tmp_path / "other.db"
    async with working(other):
        pass
    async with working(path) as (log, consumer):
        await consumer.commit(0, Commit(9, [ONE, ONE, ONE], [], [KeyValue(b"BTCUSDT", b"nine")]))
        other.rename(path)
        await refused(log, consumer, f"delete {path}-wal and {path}-shm, which belong to the former one, and start again")
    (tmp_path / "log.db-wal").unlink(missing_ok=True)
    (tmp_path / "log.db-shm").unlink(missing_ok=True)
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await goes_on(log, consumer)


async def test_an_io_error_is_not_blamed_on_what_is_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with working(path):
        pass
    (tmp_path / "log.db-wal").mkdir()
    with pytest.raises(
        Mismatch, match=f"the database {path} can't be used: unable to open database file, SQLITE_CANTOPEN.*; check"
    ):
        async with SqliteLog(path):
            pass
    (tmp_path / "log.db-wal").rmdir()
    async with SqliteLog(path) as log, log.consumer() as consumer:
        await goes_on(log, consumer)


async def test_candles_deleted_before_they_were_answered_are_missed(tmp_path: Path) -> None:
    async with working(tmp_path / "log.db") as (log, consumer):
        await log.database.write(lambda db: db.execute("DELETE FROM candles WHERE offset < 2").rowcount)
        assert (await consumer.open(0)).earliest == 2
        await log.database.write(lambda db: db.execute("DELETE FROM candles WHERE offset < 50").rowcount)
        with pytest.raises(Mismatch, match="the state goes on at candle 2, the oldest is 50; choose another file to begin anew"):
            await consumer.open(0)
        await log.database.write(lambda db: db.execute("DELETE FROM candles").rowcount)
        assert (await log.peek())[0].earliest == len(MANY) + 1
