"""Reads a topic of a SQLite log: rows from an offset on, by polling that is slow while nothing comes; the last rows of a key."""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping, Sequence

from volcast.log.contract import Mismatch, Record, Topic

from .database import Database
from .schema import TABLES

PARTITION = 0
IDLE_POLL_S = 0.25
"""The longest pause between two polls: other processes cannot wake a reader."""
FIRST_OFFSET = 1
"""The first row number that SQLite assigns."""
_log = logging.getLogger(__name__)


class TablePoller:
    """Polls a table for new rows: at once after each write of this process, and else with pauses.

    The pauses grow from the database's `poll_s` to `IDLE_POLL_S` while no rows come: an idle process costs next to nothing.
    """

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._sql = f"SELECT offset, key, value FROM {table} WHERE offset >= ? ORDER BY offset LIMIT ?"  # noqa: S608  # a constant
        self._pause_s = 0.0
        """The pause before the next poll; 0 after rows were found."""
        self._seen = 0
        """The database's number of writes before the last poll."""

    async def read(self, start: int, max_records: int, timeout_s: float) -> Sequence[Record]:
        """Return at most `max_records` records from offset `start` on; wait until there are any or `timeout_s` is over."""
        database, loop = self._database, asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        while True:
            await database.next_write(self._seen, min(self._pause_s, deadline_s - loop.time()))
            self._seen = database.writes
            rows = await database.read(lambda db: db.execute(self._sql, (start, max_records)).fetchall())
            if rows:
                self._pause_s = 0.0
                return [Record(PARTITION, *row) for row in rows]
            self._pause_s = min(max(2 * self._pause_s, database.poll_s), max(IDLE_POLL_S, database.poll_s))
            if loop.time() >= deadline_s:
                return []


class SqliteReader:
    """Reads a table from offset `start` on; `end` is the offset after the last record at the time of opening."""

    def __init__(self, database: Database, table: str, start: int, end: int) -> None:
        self._database, self._poller, self._table = database, TablePoller(database, table), table
        self._next, self._end = start, end

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        records = await self._poller.read(self._next, max_records, timeout_s)
        if records:
            if self._next < records[0].offset:
                text = "retention has deleted %d records of %s before they were read: reading goes on with those that are left"
                _log.warning(text, records[0].offset - self._next, self._table)
            self._next = records[-1].offset + 1
        return records

    @property
    def caught_up(self) -> bool:
        return self._next >= self._end

    @property
    def positions(self) -> Mapping[int, int]:
        return {PARTITION: self._next}

    async def begins(self) -> Mapping[int, int]:
        return {PARTITION: (await bounds_of(self._database, self._table))[0]}

    async def ends(self) -> Mapping[int, int]:
        return {PARTITION: (await bounds_of(self._database, self._table))[1]}


async def open_reader(database: Database, topic: Topic, start: int | None) -> SqliteReader:
    """Return a reader of a topic that starts at the oldest record, or at an offset. Raises Mismatch if the topic ends before."""
    table = TABLES[topic]
    begin, end = await bounds_of(database, table)
    if start is not None and start > end:
        raise Mismatch(
            f"{database.path}: reading {table} was to go on at {start}, but it ends at {end}: it is another log, or cut"
        )
    return SqliteReader(database, table, max(begin, start or 0), end)


async def bounds_of(database: Database, table: str) -> tuple[int, int]:
    """Return the offset of the oldest record of a table, and that after the last one; both of the next one if it has none."""
    sql = f"SELECT min(offset), coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0) + 1 FROM {table}"  # noqa: S608  # the table's name is a constant
    first, end = await database.read(lambda db: db.execute(sql).fetchone())
    return (int(end if first is None else first), int(end))


async def end_of(database: Database, table: str) -> int:
    """Return the offset after the last record of a table; 0 if it is empty."""
    sql = f"SELECT coalesce(max(offset) + 1, 0) FROM {table}"  # noqa: S608  # the table's name is a constant
    return await database.read(lambda db: int(db.execute(sql).fetchone()[0]))


async def last_rows_of_key(database: Database, topic: Topic, key: bytes, count: int) -> Sequence[Record]:
    """Return the last `count` records of a key, oldest first, by the index of keys."""
    sql = f"SELECT offset, key, value FROM {TABLES[topic]} WHERE key = ? ORDER BY offset DESC LIMIT ?"  # noqa: S608  # as above
    rows = await database.read(lambda db: db.execute(sql, (key, count)).fetchall())
    return [Record(PARTITION, *row) for row in reversed(rows)]


async def keys_of(database: Database, topic: Topic) -> Sequence[bytes]:
    """Return all keys, sorted. The index is asked for the next key after each, so that this takes as long as there are keys."""
    sql = f"SELECT min(key) FROM {TABLES[topic]} WHERE key > ?"  # noqa: S608  # as above

    def find(db: sqlite3.Connection) -> list[bytes]:
        keys = [bytes(found)] if (found := db.execute(sql.replace(">", ">="), (b"",)).fetchone()[0]) is not None else []
        while keys and (found := db.execute(sql, (keys[-1],)).fetchone()[0]) is not None:
            keys.append(bytes(found))
        return keys

    return await database.read(find)
