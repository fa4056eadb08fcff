"""Reading a topic of a file: rows behind an offset, looked for again and again."""

import asyncio
from collections.abc import Sequence

from volcast.log.contract import Record, Topic

from .database import Database
from .schema import TABLES

PARTITION = 0
_FIRST_OFFSET = 1
"""The first one that SQLite gives."""


class SqliteReader:
    """Reads a table; the records before `end` were there when it was opened."""

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
    """A reader that begins at the first record."""
    return SqliteReader(database, TABLES[topic], await end_of(database, TABLES[topic]))


async def end_of(database: Database, table: str) -> int:
    """The offset behind the last record; 0 where there is none."""
    sql = f"SELECT coalesce(max(offset) + 1, 0) FROM {table}"  # noqa: S608  # a name of ours
    return await database.read(lambda db: int(db.execute(sql).fetchone()[0]))


async def read_from(database: Database, table: str, start: int, max_records: int, timeout_s: float) -> Sequence[Record]:
    """The records from `start` on; looks again and again until there are some or the time is up."""
    sql = f"SELECT offset, key, value FROM {table} WHERE offset >= ? ORDER BY offset LIMIT ?"  # noqa: S608  # a name of ours
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    while True:
        rows = await database.read(lambda db: db.execute(sql, (start, max_records)).fetchall())
        if rows or loop.time() >= until:
            return [Record(PARTITION, *row) for row in rows]
        await asyncio.sleep(database.poll_s)
