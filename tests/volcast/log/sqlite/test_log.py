"""The SQLite log beyond the contract (tests/contracts): its file, which files are refused, how processes share one."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.log_access import fill, records_of
from volcast.log.contract import Commit, KeyValue, LogError, Mismatch, Record, Topic, Unavailable
from volcast.log.sqlite.log import SqliteLog
from volcast.log.sqlite.schema import SCHEMA_FORMAT

ONE, TWO = KeyValue(b"BTCUSDT", b"one"), KeyValue(b"ETHUSDT", b"two")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def commit(log: SqliteLog, position: int = 1) -> None:
    async with log.consumer() as consumer:
        await consumer.open(0)
        await consumer.commit(0, Commit(position, [ONE], [TWO], [KeyValue(b"BTCUSDT", b"state")]))


async def test_all_records_are_there_after_the_log_is_reopened(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "log.db"
    async with SqliteLog(path) as log:
        await fill(log, [ONE, TWO])
        await commit(log, position=2)
    async with SqliteLog(path) as log:
        assert await records_of(log, Topic.CANDLES) == [Record(0, 1, *ONE), Record(0, 2, *TWO)]
        assert await records_of(log, Topic.SIGNALS) == [Record(0, 1, *ONE)]
        assert await records_of(log, Topic.REJECTED) == [Record(0, 1, *TWO)]
        async with log.consumer() as consumer:
            restored = await consumer.open(0)
        assert (restored.position, restored.snapshots) == (2, {b"BTCUSDT": b"state"})


async def test_closing_the_last_connection_leaves_a_single_file(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as one, SqliteLog(path):
        await fill(one, [ONE])
    assert names(tmp_path) == ["log.db"]


async def test_a_log_entered_twice_is_closed_by_the_second_exit(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    async with log:
        async with log:
            await fill(log, [ONE])
        assert await records_of(log, Topic.CANDLES)
    with pytest.raises(LogError, match="is not open"):
        await records_of(log, Topic.CANDLES)
    async with log:
        assert await records_of(log, Topic.CANDLES)


async def test_a_reader_returns_committed_records_and_does_not_wait_for_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO signals (key, value) VALUES (?, ?)", ONE)
        async with log.reader(Topic.SIGNALS) as reader:
            assert reader.caught_up
            assert await reader.read(10, 0.0) == []
            writer.execute("COMMIT")
            assert await reader.read(10, 0.0) == [Record(0, 1, *ONE)]
        writer.close()


async def test_a_failed_transaction_writes_nothing(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log, log.consumer() as consumer:
        await consumer.open(0)
        broken = Commit(7, [ONE], [TWO], [KeyValue(b"BTCUSDT", object())])  # type: ignore[arg-type]  # fails at the third table
        with pytest.raises(sqlite3.ProgrammingError):  # a bug of the caller, so not translated
            await consumer.commit(0, broken)
        assert await records_of(log, Topic.SIGNALS) == []
        assert await records_of(log, Topic.REJECTED) == []
        assert (await consumer.open(0)).position == 0


async def test_several_processes_may_create_the_same_file_at_once(tmp_path: Path) -> None:
    async def enter(path: Path, name: str) -> None:
        async with SqliteLog(path) as log, log.appender(name) as appender:
            await appender.append([ONE])

    for i in range(5):
        await asyncio.gather(*(enter(tmp_path / f"{i}.db", name) for name in "abcdef"))
        async with SqliteLog(tmp_path / f"{i}.db") as log:
            assert len(await records_of(log, Topic.CANDLES)) == 6


def text_file(path: Path) -> None:
    path.write_text("timestamp,open,high,low,close\n" * 200)


def truncated_log(path: Path) -> None:
    """Truncate a log after its header."""
    log_of_ours(path)
    path.write_bytes(path.read_bytes()[:5_000])


def database_of_another(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE photos (name TEXT)")
    db.close()


def empty_database_of_another(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA application_id = 7")
    db.close()


def log_of_ours(path: Path) -> None:
    async def create() -> None:
        async with SqliteLog(path):
            pass

    asyncio.run(create())


def log_of_format(number: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        log_of_ours(path)
        with sqlite3.connect(path) as db:
            db.execute(f"PRAGMA user_version = {number}")
        db.close()

    return make


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (text_file, "is not a SQLite database: choose another file"),
        (truncated_log, "is damaged (database disk image is malformed): restore it from a backup, or choose another file"),
        (database_of_another, "is a SQLite database of another program: choose another file"),
        (empty_database_of_another, "is a SQLite database of another program: choose another file"),
        (
            log_of_format(SCHEMA_FORMAT - 1),
            f"has log format {SCHEMA_FORMAT - 1}, this version reads {SCHEMA_FORMAT}: choose another file",
        ),
        (
            log_of_format(SCHEMA_FORMAT + 1),
            f"has log format {SCHEMA_FORMAT + 1}, this version reads {SCHEMA_FORMAT}: choose another file",
        ),
    ],
)
def test_a_file_that_is_not_a_log_of_this_version_is_refused_and_not_changed(
    tmp_path: Path, make: Callable[[Path], None], sentence: str
) -> None:
    path = tmp_path / "file"
    make(path)
    before = path.read_bytes()

    async def enter() -> None:
        with pytest.raises(Mismatch) as caught:
            async with SqliteLog(path):
                pass
        assert sentence in str(caught.value)
        assert str(path) in str(caught.value)

    asyncio.run(enter())
    assert path.read_bytes() == before
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("{}", "{} is a folder, but the log is a file: choose a file in that folder"),
        ("{}/a-file/log.db", "the database {}/a-file/log.db can't be used: "),
        ("/dev/null/log.db", "the database /dev/null/log.db can't be used: "),
        ("/proc/log.db", "the database /proc/log.db can't be "),  # used or written: not even root can write there
    ],
)
async def test_a_path_where_no_file_can_be_is_refused(tmp_path: Path, path: str, sentence: str) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(Mismatch) as caught:
        async with SqliteLog(path.format(tmp_path)):
            pass
    assert str(caught.value).startswith(sentence.format(tmp_path))
    assert names(tmp_path) == ["a-file"]


async def test_a_path_with_the_word_locked_is_not_taken_for_a_locked_database(tmp_path: Path) -> None:
    (tmp_path / "locked").touch()
    with pytest.raises(Mismatch):
        async with SqliteLog(tmp_path / "locked" / "log.db"):
            pass


async def test_an_empty_file_becomes_a_log(tmp_path: Path) -> None:
    (tmp_path / "log.db").touch()
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, [ONE])


async def test_a_database_locked_by_another_writer_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await log.database.write(lambda db: db.execute("PRAGMA busy_timeout = 1").fetchall())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="stayed locked"):
            await fill(log, [ONE])
        other.execute("ROLLBACK")
        other.close()
        await fill(log, [ONE])
        assert len(await records_of(log, Topic.CANDLES)) == 1
