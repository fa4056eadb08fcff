"""The log of one machine: a SQLite file, one partition, one consumer at a time. WAL, so that readers never wait for the writer.

The processes of a pipeline share the file; each handle owns one connection. What a power cut may cost is a setting,
`synchronous`: at NORMAL the last commits, never half of one; FULL syncs at each commit.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from volcast.log.contract import Appender, Consumer, KeyValue, Reader, Record, Restored, Topic

from .consumer import SqliteConsumer, restored_from
from .database import MEMORY, Database, check_epoch
from .lease import BeatingLease
from .reader import PARTITION, open_reader


class SqliteLog:
    """A `Log` in the file `path`, or in memory (`:memory:`: then all ends must come from this one object).

    Another consumer takes over from one of which nothing was seen for `session_timeout_s`; from a dead one at once.
    """

    def __init__(
        self, path: str | Path, *, synchronous: str = "NORMAL", poll_s: float = 0.02, session_timeout_s: float = 10.0
    ) -> None:
        self.database = Database(str(path), synchronous, poll_s)
        self._session_timeout_s = session_timeout_s
        self._lease_path = f"{Path(path).resolve()}-consumer"  # one for all the names that a file may have
        self._entered = 0

    async def __aenter__(self) -> Self:
        self._entered += 1
        if self._entered == 1:
            try:
                await self.database.open()
            except BaseException:
                self._entered -= 1
                raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._entered -= 1
        if self._entered == 0:
            await self.database.close()

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator[Appender]:
        yield _SqliteAppender(self.database, role := f"append {name}", await self.database.take(role))

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        if self.database.path == MEMORY:
            yield SqliteConsumer(self.database, None)
            return
        lease = BeatingLease(self._lease_path, self._session_timeout_s, asyncio.get_running_loop().time)
        beating = asyncio.create_task(lease.keep_beating())
        try:
            yield SqliteConsumer(self.database, lease)
        finally:
            lease.release()
            beating.cancel()
            await asyncio.wait([beating])

    @asynccontextmanager
    async def reader(self, topic: Topic) -> AsyncIterator[Reader]:
        yield await open_reader(self.database, topic)

    async def peek(self) -> Mapping[int, Restored]:
        return {PARTITION: await self.database.read(restored_from)}

    def partition_of(self, key: bytes) -> int:  # noqa: ARG002  # there is but one
        return PARTITION


class _SqliteAppender:
    def __init__(self, database: Database, role: str, epoch: int) -> None:
        self._database, self._role, self._epoch = database, role, epoch

    async def last(self, key: bytes, wanted: Callable[[bytes], bool]) -> Record | None:
        sql = "SELECT offset, key, value FROM candles WHERE key = ? ORDER BY offset DESC"

        def find(db: sqlite3.Connection) -> Record | None:
            records = (Record(PARTITION, *row) for row in db.execute(sql, (key,)))
            return next((record for record in records if wanted(record.value)), None)

        return await self._database.read(find)

    async def append(self, records: Sequence[KeyValue]) -> None:
        def append(db: sqlite3.Connection) -> None:
            check_epoch(db, self._role, self._epoch)
            db.executemany("INSERT INTO candles (key, value) VALUES (?, ?)", records)

        await self._database.write(append)
