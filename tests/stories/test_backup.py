"""docs/backup.md as it is written: a copy that is made while the pipeline runs continues to the same signals, byte for byte.

The copies are made as that page says, from outside, with SQLite's own means.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from tests.log_access import TIMEOUT_S, fill, records_of
from tests.volcast.commands.consumed_log import candles, consume, consuming, expected
from volcast.log.contract import KeyValue, Mismatch, Topic
from volcast.log.sqlite.log import SqliteLog

MINUTES, HALF = 200, 100
SYMBOLS = ("BTCUSDT", "ETHUSDT")
CANDLES = candles(range(MINUTES), SYMBOLS)
SNAPSHOT_RECORDS = 30
PAGE = (Path(__file__).parents[2] / "docs/backup.md").read_text()


def vacuumed(log: Path, copy: Path) -> None:
    with closing(sqlite3.connect(log)) as db:
        db.execute("VACUUM INTO ?", (str(copy),))


def backed_up(log: Path, copy: Path) -> None:
    with closing(sqlite3.connect(log)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target, pages=5)


def put_in_place(copy: Path, log: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{log}{ending}").unlink()
    shutil.copy(copy, log)


def chunks(records: Sequence[KeyValue]) -> list[Sequence[KeyValue]]:
    return [records[start : start + 4] for start in range(0, len(records), 4)]


async def signals_on(path: Path) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    async with SqliteLog(path) as log:
        for record in await records_of(log, Topic.SIGNALS):
            found.setdefault(record.key, []).append(record.value)
    return found


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[SqliteLog]:
    """A consumer, and a producer that appends the first half of the candles while the `with` block runs."""

    async def produce(log: SqliteLog) -> None:
        async with log.appender("test") as appender:
            for records in chunks(CANDLES[: HALF * len(SYMBOLS)]):
                await appender.append(records)
                await asyncio.sleep(0)

    async with SqliteLog(path) as log, consuming(log, SNAPSHOT_RECORDS) as worker:
        producing = asyncio.create_task(produce(log))
        async with asyncio.timeout(TIMEOUT_S):
            while not await records_of(log, Topic.SIGNALS):
                await asyncio.sleep(0)
            yield log
            await producing
            await worker.drained()


async def resumed(path: Path) -> dict[bytes, list[bytes]]:
    """Append what the log lacks, as a producer does that asks it for the last candle; consume; and return all signals."""
    async with SqliteLog(path) as log:
        count = len(await records_of(log, Topic.CANDLES))
        await fill(log, CANDLES[count:])
        await consume(log, SNAPSHOT_RECORDS)
    return await signals_on(path)


@pytest.mark.parametrize("copied", [vacuumed, backed_up])
async def test_a_copy_of_a_running_log_continues_to_the_same_bytes(copied: Callable[[Path, Path], None], tmp_path: Path) -> None:
    log, copy = tmp_path / "volcast.db", tmp_path / "backup.db"
    async with running(log):
        await asyncio.to_thread(copied, log, copy)
    assert sqlite3.connect(copy).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sum(map(len, (await signals_on(copy)).values())) > 0
    assert await resumed(copy) == expected(CANDLES)
    assert await resumed(log) == expected(CANDLES), "the copy has disturbed the log"


async def test_a_backup_takes_the_place_of_a_log_that_is_lost(tmp_path: Path) -> None:
    """The page's steps: stop all, remove the file with `-wal` and `-shm`, put the copy there, start."""
    log, copy = tmp_path / "volcast.db", tmp_path / "backup.db"
    async with running(log):
        await asyncio.to_thread(vacuumed, log, copy)
    put_in_place(copy, log)
    assert await resumed(log) == expected(CANDLES)


async def test_a_log_of_another_format_is_refused_and_not_changed(tmp_path: Path) -> None:
    """What the page says of a version that is newer or older than the file."""
    log = tmp_path / "volcast.db"
    async with running(log):
        pass
    with closing(sqlite3.connect(log)) as db:
        db.execute("PRAGMA user_version = 9999")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = log.read_bytes()
    with pytest.raises(Mismatch, match=r"has log format 9999, this version reads \d+: choose another file"):
        await SqliteLog(log).__aenter__()
    assert log.read_bytes() == before


async def test_a_state_of_another_version_is_computed_again_to_the_same_bytes(tmp_path: Path) -> None:
    """Snapshots that this version cannot read: as after an upgrade. No signal is written again; readers are told."""
    log = tmp_path / "volcast.db"
    async with running(log):
        pass
    before = await signals_on(log)
    with closing(sqlite3.connect(log)) as db, db:
        assert db.execute("UPDATE state SET value = x'00' WHERE key IN ('BTCUSDT', CAST('BTCUSDT' AS BLOB))").rowcount == 1
    after = {key: [value for value in values if b'"kind":"signal"' in value] for key, values in (await resumed(log)).items()}
    assert {key: values[: len(before[key])] for key, values in after.items()} == before
    assert after == expected(CANDLES)


def test_the_page_has_the_commands_that_are_tested() -> None:
    assert "VACUUM INTO" in PAGE
    assert ".backup" in PAGE
