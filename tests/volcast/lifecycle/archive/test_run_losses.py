"""Logs that are not what was archived: created anew, cut by retention, damaged. Nothing is passed over in silence."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from tests.log_access import TIMEOUT_S
from tests.volcast.lifecycle.archive.archiving import archiver, candle_records, fill_log, in_archive, on_log
from volcast.lifecycle.archive.chain import load_state, read_commits
from volcast.lifecycle.archive.commits import LostRange, Place, decode_commit
from volcast.lifecycle.archive.folder import FolderStore
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.archive.run import LostRecords
from volcast.lifecycle.archive.store import ObjectStore
from volcast.log.contract import Log, Mismatch, Reader, Record, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.simulated_log.broker import SimulatedBroker
from volcast.proof.simulated_log.log import SimulatedLog


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "archive")


async def archive_all(log: Log, store: ObjectStore, **config: Any) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        await archiver(log, store, **config).run()


async def test_a_log_that_was_created_anew_is_refused(tmp_path: Path, store: FolderStore) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(4))
        await archive_all(log, store)
    async with SqliteLog(tmp_path / "shorter.db") as shorter:
        with pytest.raises(Mismatch, match="was to go on at"):
            await archive_all(shorter, store)
    async with SqliteLog(tmp_path / "other.db") as other:
        await fill_log(other, range(100, 120))
        with pytest.raises(Mismatch, match="not the record that was archived"):
            await archive_all(other, store)
    assert len(in_archive(store)[Topic.CANDLES]) > 0


async def test_an_archive_of_another_log_is_refused(tmp_path: Path, store: FolderStore) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await archive_all(log, store)
    with pytest.raises(Mismatch, match=r"is the archive of another log: a log on sqlite of 1 partition, but this one is .* of 3"):
        await archive_all(SimulatedLog(SimulatedBroker(3)), store)


def delete_first(path: Path, table: str, below: int) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"DELETE FROM {table} WHERE offset < ?", (below,))  # noqa: S608


async def test_records_that_are_gone_are_named_and_not_passed_over(tmp_path: Path, store: FolderStore) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await fill_log(log, range(4))
        await archive_all(log, store)
        before = in_archive(store)
        end = before[Topic.CANDLES][-1].offset + 1
        async with log.appender("test") as appender:
            await appender.append(candle_records(range(10, 20), ["BTCUSDT"]))
        delete_first(path, "candles", end + 4)
        with pytest.raises(LostRecords, match=rf"candles, partition 0, offsets {end} to {end + 3}\. Go on without them"):
            await archive_all(log, store)
        assert in_archive(store) == before
        await archive_all(log, store, accept_loss=True)
        assert in_archive(store)[Topic.CANDLES][len(before[Topic.CANDLES]) :] == (await on_log(log))[Topic.CANDLES]
    commits = [decode_commit(raw) for _, raw in read_commits(store)]
    assert [each.lost for each in commits if each.lost] == [(LostRange("candles", 0, end, end + 4),)]


async def test_records_that_go_while_it_reads_are_noticed(tmp_path: Path, store: FolderStore) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await fill_log(log, range(4))
        running = asyncio.create_task(archiver(log, store, once=False, every_s=0.2, rows=10_000).run())
        while not store.list_after("commits"):
            await asyncio.sleep(0.02)
        with closing(sqlite3.connect(path)) as db, db:
            db.executemany("INSERT INTO candles (key, value) VALUES (?, ?)", candle_records(range(10, 15), ["BTCUSDT"]))
            db.execute("DELETE FROM candles WHERE offset < (SELECT max(offset) FROM candles)")
        async with asyncio.timeout(TIMEOUT_S):
            with pytest.raises(LostRecords):
                await running


async def test_a_new_archive_of_an_old_log_begins_with_what_is_left(tmp_path: Path, store: FolderStore) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await fill_log(log, range(8))
        delete_first(path, "candles", 5)
        await archive_all(log, store)
        assert in_archive(store) == await on_log(log)
        assert in_archive(store)[Topic.CANDLES][0].offset == 5


async def test_what_was_archived_may_go(tmp_path: Path, store: FolderStore) -> None:
    """Retention deletes it; there is nothing to compare then, and nothing is lost."""
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await fill_log(log, range(8))
        await archive_all(log, store)
        before = in_archive(store)
        for table in ("candles", "signals", "rejected"):
            delete_first(path, table, 1_000_000)
        await archive_all(log, store)
        async with log.appender("test") as appender:
            await appender.append(candle_records(range(10, 12), ["BTCUSDT"]))
        await archive_all(log, store)
        assert in_archive(store)[Topic.CANDLES] == before[Topic.CANDLES] + (await on_log(log))[Topic.CANDLES]


async def test_the_marker_of_a_transaction_is_no_lost_record(kafka_bootstrap: str, kafka_prefix: str, store: FolderStore) -> None:
    """A quiet topic ends with one. The place moves past it, so that its deletion later is no loss."""
    async with KafkaLog(kafka_bootstrap, prefix=kafka_prefix, partitions=1, session_timeout_ms=6_000) as log:
        async with log.appender("test") as appender:
            await appender.append(candle_records(range(3), ["BTCUSDT"]))
        running = asyncio.create_task(archiver(log, store, once=False, every_s=0.3).run())
        offsets = []
        async with asyncio.timeout(TIMEOUT_S), log.reader(Topic.CANDLES) as reader:
            while not reader.caught_up:
                offsets += [each.offset for each in await reader.read(100, 0.2)]
            end = reader.positions[0]
            place = Place(0)
            while place.next < end:
                await asyncio.sleep(0.05)
                place = (load_state(store).place("candles", 0) if store.list_after("commits") else None) or Place(0)
        running.cancel()
        await asyncio.wait([running])
    assert offsets[-1] + 1 < end == place.next
    assert place.last == offsets[-1]


class DamagedLog(SqliteLog):
    """A log whose third candle cannot be read, as one on a broker's damaged disk."""

    @asynccontextmanager
    async def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AsyncIterator[Reader]:
        async with super().reader(topic, start) as reader:
            yield DamagedReader(reader) if topic is Topic.CANDLES else reader


class DamagedReader:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def begins(self) -> Mapping[int, int]:
        return await self._reader.begins()

    async def ends(self) -> Mapping[int, int]:
        return await self._reader.ends()

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        records = await self._reader.read(max_records, timeout_s)
        why = "offset 3: its checksum is wrong"
        return [Record(each.partition, 3, b"", b"", why) if each.offset == 3 else each for each in records]

    @property
    def caught_up(self) -> bool:
        return self._reader.caught_up

    @property
    def positions(self) -> Mapping[int, int]:
        return self._reader.positions


async def test_a_record_that_cannot_be_read_is_a_row_that_says_why(tmp_path: Path, store: FolderStore) -> None:
    """Also if it is the last one, which the next start reads again."""
    async with DamagedLog(tmp_path / "log.db") as log, log.appender("test") as appender:
        await appender.append(candle_records(range(1), ["A", "B", "C"]))
        await archive_all(log, store)
        await appender.append(candle_records(range(1, 2), ["A", "B", "C"]))
        await archive_all(log, store)
    found = Archive(store).scan("candles").collect().sort("offset")
    assert found["offset"].to_list() == [1, 2, 3, 4, 5, 6]
    assert found["kind"].to_list() == ["candle", "candle", "unreadable", "candle", "candle", "candle"]
    assert found["record"][2] == b"offset 3: its checksum is wrong"
