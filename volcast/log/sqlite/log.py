"""The log of one machine: a SQLite file with one partition and one consumer at a time.

The processes of a pipeline share the file, each over a connection of its own. In WAL mode readers never wait for the writer.
The setting `synchronous` says what a power cut may cost: with NORMAL the last commits, but never a part of one; with FULL
nothing, as each commit is synced to the disk.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Self

from volcast.log.contract import Appender, Consumer, KeyValue, Reader, Record, Restored, Topic
from volcast.log.retention import Retention

from .consumer import SqliteConsumer
from .database import MEMORY, Database, check_epoch
from .lease import HeartbeatLease
from .position import restored_from
from .reader import PARTITION, keys_of, last_rows_of_key, open_reader
from .retention import append_rows
from .schema import TABLES
from .standby import SqliteStandbyConsumer


class SqliteLog:
    """A `Log` in the file `path`, or in memory with `:memory:`: then only this object can access it.

    If the consumer's process dies, another one takes over at once; if it is unresponsive, after `session_timeout_s`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: str = "NORMAL",
        poll_s: float = 0.02,
        session_timeout_s: float = 10.0,
        standby: bool = False,
        retention_ms: int | None = None,
        retention_bytes: int | None = None,
        wall_clock: Callable[[], float] = time,
    ) -> None:
        """Consumers of a log with `standby` are each a StandbyConsumer. The one that owns the partition deletes old records, as
        soon as they are older than `retention_ms` or a topic has more than `retention_bytes`; see `retention.py`.
        """
        self._lease_path = f"{Path(path).resolve()}-consumer"  # the same for all paths of a file, symbolic links included
        self.database = Database(str(path), synchronous, poll_s, witness=self._lease_path, wall_clock=wall_clock)
        self.retention = Retention(retention_ms, retention_bytes)
        self._session_timeout_s = session_timeout_s
        self._consumer = SqliteStandbyConsumer if standby else SqliteConsumer
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
            yield self._consumer(self.database, None, self.retention)
            return
        lease = HeartbeatLease(self._lease_path, self._session_timeout_s, asyncio.get_running_loop().time)
        heartbeat = asyncio.create_task(lease.keep_alive())
        try:
            yield self._consumer(self.database, lease, self.retention)
        finally:
            lease.release()
            heartbeat.cancel()
            await asyncio.wait([heartbeat])

    @asynccontextmanager
    async def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AsyncIterator[Reader]:
        yield await open_reader(self.database, topic, (start or {}).get(PARTITION))

    async def peek(self, *, keys_only: bool = False) -> Mapping[int, Restored]:
        return {PARTITION: await self.database.read(lambda db: restored_from(db, self.database.path, keys_only=keys_only))}

    async def latest(self, topic: Topic, key: bytes, count: int) -> Sequence[Record]:
        return await last_rows_of_key(self.database, topic, key, count)

    async def keys(self, topic: Topic) -> Sequence[bytes]:
        return await keys_of(self.database, topic)

    def partition_of(self, key: bytes) -> int:  # noqa: ARG002  # there is only one
        return PARTITION


class _SqliteAppender:
    """The appender of a SQLite log; its epoch is checked in each append."""

    def __init__(self, database: Database, role: str, epoch: int) -> None:
        self._database, self._role, self._epoch = database, role, epoch

    async def last(self, key: bytes, matches: Callable[[bytes], bool]) -> Record | None:
        sql = "SELECT offset, key, value FROM candles WHERE key = ? ORDER BY offset DESC"

        def find(db: sqlite3.Connection) -> Record | None:
            records = (Record(PARTITION, *row) for row in db.execute(sql, (key,)))
            return next((record for record in records if matches(record.value)), None)

        return await self._database.read(find)

    async def append(self, records: Sequence[KeyValue]) -> None:
        now_ms = self._database.now_ms()

        def append(db: sqlite3.Connection) -> None:
            check_epoch(db, self._role, self._epoch)
            append_rows(db, TABLES[Topic.CANDLES], records, now_ms)

        await self._database.write(append)

    async def promote(self, record: KeyValue, marker: KeyValue) -> Mapping[int, int]:
        now_ms = self._database.now_ms()

        def promote(db: sqlite3.Connection) -> int:
            check_epoch(db, self._role, self._epoch)
            append_rows(db, TABLES[Topic.MODELS], [record], now_ms)
            append_rows(db, TABLES[Topic.CANDLES], [marker], now_ms)
            return int(db.execute(f"SELECT max(offset) FROM {TABLES[Topic.CANDLES]}").fetchone()[0])  # noqa: S608  # a constant

        return {PARTITION: await self._database.write(promote)}
