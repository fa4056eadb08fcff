"""Reads a topic of a SQLite log: the rows from an offset on, by polling."""

import asyncio
from collections.abc import Sequence

from volcast.log.contract import Record, Topic

from .database import Database
from .schema import TABLES

PARTITION = 0
_FIRST_OFFSET = 1
"""The first row number that SQLite assigns."""


class SqliteReader:
    """Reads a table from the first record on; `end` is the offset after the last record at the time of opening."""

    def __init__(self, database: Database, table: str, end: int) -> None:
        self._database, self._table, self._end = database, table, end
        self._next = _FIRST_OFFSET

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        records = await read_from(self._database, self._table, self._next, max_records, timeout_s)
        if records:
            self._next = records[-1].offset + 1
        return records

    @property
    def caught_up(self) -> bool:
        return self._next >= self._end


async def open_reader(database: Database, topic: Topic) -> SqliteReader:
    """Return a reader of a topic that starts at the first record."""
    return SqliteReader(database, TABLES[topic], await end_of(database, TABLES[topic]))


async def end_of(database: Database, table: str) -> int:
    """Return the offset after the last record of a table; 0 if it is empty."""
    sql = f"SELECT coalesce(max(offset) + 1, 0) FROM {table}"  # noqa: S608  # the table's name is a constant
    return await database.read(lambda db: int(db.execute(sql).fetchone()[0]))


async def read_from(database: Database, table: str, start: int, max_records: int, timeout_s: float) -> Sequence[Record]:
    """Return at most `max_records` records from offset `start` on; poll until there are any or `timeout_s` is over."""
    sql = f"SELECT offset, key, value FROM {table} WHERE offset >= ? ORDER BY offset LIMIT ?"  # noqa: S608  # the table's name is a constant
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    while True:
        rows = await database.read(lambda db: db.execute(sql, (start, max_records)).fetchall())
        if rows or loop.time() >= deadline_s:
            return [Record(PARTITION, *row) for row in rows]
        await asyncio.sleep(database.poll_s)
