"""The log of one machine: a SQLite file, one partition, one consumer at a time. WAL, so that readers never wait for the writer.

The processes of a pipeline share the file. Each handle owns one connection, on one thread of its own: the event loop never
waits for the disk. A power cut may cost the last commits at `synchronous=NORMAL`, never half of one; FULL syncs at each commit.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self, TypeVar

from .contract import (
    Appender,
    Commit,
    Consumer,
    Fenced,
    KeyValue,
    LogError,
    Mismatch,
    Reader,
    Record,
    Restored,
    Topic,
    Unavailable,
)
from .lease import Lease
from .retry import while_unavailable

FORMAT = 1
PARTITION = 0
_APPLICATION_ID = 0x564F4C43  # "VOLC"
_BUSY_TIMEOUT_S = 10.0
_TABLES = {Topic.CANDLES: "candles", Topic.SIGNALS: "signals", Topic.REJECTED: "rejected"}
_SCHEMA = """
CREATE TABLE candles  (offset INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB NOT NULL) STRICT;
CREATE INDEX candles_by_key ON candles (key, offset);
CREATE TABLE signals  (offset INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE rejected (offset INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE state    (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 1), next_offset INTEGER NOT NULL) STRICT;
CREATE TABLE epoch    (role TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO position VALUES (1, 0);
"""

Answer = TypeVar("Answer")


class SqliteLog:
    """A `Log` in the file `path`, or in memory (`:memory:`: then all ends must come from this one object)."""

    def __init__(self, path: str | Path, *, synchronous: str = "NORMAL", poll_s: float = 0.02) -> None:
        self.path = str(path)
        self.synchronous = synchronous
        self.poll_s = poll_s
        self._lease_path = f"{Path(path).resolve()}-consumer"  # one for all the names that a file may have
        self._entered = 0
        self._connection: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        self._entered += 1
        if self._entered == 1:
            self._thread = ThreadPoolExecutor(1, "sqlite")
            try:
                await while_unavailable(f"database {self.path}", lambda: self._on_thread(self._connect))
            except BaseException:
                await self.__aexit__()
                raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._entered -= 1
        if self._entered == 0 and self._thread:
            await self._on_thread(self._disconnect)
            self._thread.shutdown()
            self._thread = None

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator[Appender]:
        yield _SqliteAppender(self, role := f"append {name}", await self.take(role))

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        lease = Lease(self._lease_path) if self.path != ":memory:" else None
        consumer = _SqliteConsumer(self, lease)
        try:
            yield consumer
        finally:
            if lease:
                lease.release()

    @asynccontextmanager
    async def reader(self, topic: Topic) -> AsyncIterator[Reader]:
        table = _TABLES[topic]
        end = await self.read(lambda db: db.execute(f"SELECT coalesce(max(offset), 0) FROM {table}").fetchone()[0])  # noqa: S608  # a name of ours
        yield _SqliteReader(self, table, end)

    async def read(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """`work` on one consistent view of the file; waits for no writer."""
        return await self._on_thread(lambda: self._transact(work, "BEGIN"))

    async def write(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """`work` in one transaction: all of it, or none."""
        return await self._on_thread(lambda: self._transact(work, "BEGIN IMMEDIATE"))

    async def take(self, role: str) -> int:
        """Become the one holder of `role`: whoever held it before is fenced."""

        def take(db: sqlite3.Connection) -> int:
            sql = "INSERT INTO epoch VALUES (?, 1) ON CONFLICT (role) DO UPDATE SET number = number + 1 RETURNING number"
            return int(db.execute(sql, (role,)).fetchone()[0])

        return await self.write(take)

    async def _on_thread(self, work: Callable[[], Answer]) -> Answer:
        if self._thread is None:
            raise LogError(f"the log {self.path} is not open: enter it first")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _transact(self, work: Callable[[sqlite3.Connection], Answer], begin: str) -> Answer:
        assert self._connection is not None  # noqa: S101  # holds between __aenter__ and __aexit__
        db = self._connection
        try:
            db.execute(begin)
            try:
                answer = work(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            raise _explained(error, self.path) from error
        return answer

    def _connect(self) -> None:
        self._disconnect()  # what an attempt before may have left
        if Path(self.path).is_dir():
            raise Mismatch(f"{self.path} is a folder; the log is a file: choose one in it")
        try:
            if self.path != ":memory:":
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            self._transact(self._is_new, "BEGIN")  # first of all: the next line writes into the file, whosever it is
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {self.synchronous}")
        except (OSError, sqlite3.DatabaseError) as error:
            raise _explained(error, self.path) from error
        self._transact(self._create, "BEGIN IMMEDIATE")

    def _create(self, db: sqlite3.Connection) -> None:
        if self._is_new(db):
            for statement in _SCHEMA.strip().split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {FORMAT}")

    def _is_new(self, db: sqlite3.Connection) -> bool:
        """An empty file; False for a log of ours. Raises Mismatch for all else."""
        application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if not application and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return True
        if application != _APPLICATION_ID:
            raise Mismatch(f"{self.path} is a SQLite database of another program; choose another file")
        if version != FORMAT:
            raise Mismatch(f"{self.path} has log format {version}, this version reads {FORMAT}; choose another file")
        return False

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


class _SqliteAppender:
    def __init__(self, log: SqliteLog, role: str, epoch: int) -> None:
        self._log, self._role, self._epoch = log, role, epoch

    async def last(self, key: bytes) -> Record | None:
        sql = "SELECT offset, key, value FROM candles WHERE key = ? ORDER BY offset DESC LIMIT 1"
        row = await self._log.read(lambda db: db.execute(sql, (key,)).fetchone())
        return Record(PARTITION, *row) if row else None

    async def append(self, records: Sequence[KeyValue]) -> None:
        def append(db: sqlite3.Connection) -> None:
            _check_epoch(db, self._role, self._epoch)
            db.executemany("INSERT INTO candles (key, value) VALUES (?, ?)", records)

        await self._log.write(append)


class _SqliteConsumer:
    """Holds the one partition while it has the lease; its commits carry the epoch that `open` took."""

    _ROLE = "consume"

    def __init__(self, log: SqliteLog, lease: Lease | None) -> None:
        self._log, self._lease = log, lease
        self._epoch = 0
        self._position: int | None = None

    async def assignment(self) -> Mapping[int, int]:
        try:
            held = self._lease is None or self._lease.take()
        except OSError as error:
            raise _explained(error, self._log.path) from error
        return {PARTITION: 1} if held else {}

    async def open(self, partition: int) -> Restored:  # noqa: ARG002  # there is but one
        self._epoch = await self._log.take(self._ROLE)

        def restore(db: sqlite3.Connection) -> Restored:
            position = db.execute("SELECT next_offset FROM position").fetchone()[0]
            return Restored(position, dict(db.execute("SELECT key, value FROM state")))

        restored = await self._log.read(restore)
        self._position = restored.position
        return restored

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        if self._position is None:
            await asyncio.sleep(min(timeout_s, self._log.poll_s))
            return {}
        records = await _read(self._log, "candles", self._position, max_records, timeout_s)
        if not records:
            return {}
        self._position = records[-1].offset + 1
        return {PARTITION: records}

    async def commit(self, partition: int, commit: Commit) -> None:  # noqa: ARG002  # as above
        def write(db: sqlite3.Connection) -> None:
            _check_epoch(db, self._ROLE, self._epoch)
            db.executemany("INSERT INTO signals (key, value) VALUES (?, ?)", commit.signals)
            db.executemany("INSERT INTO rejected (key, value) VALUES (?, ?)", commit.rejects)
            kept = [snapshot for snapshot in commit.snapshots if snapshot.value]
            db.executemany("INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", kept)
            db.executemany("DELETE FROM state WHERE key = ?", [(key,) for key, value in commit.snapshots if not value])
            db.execute("UPDATE position SET next_offset = ?", (commit.position,))

        await self._log.write(write)

    async def close(self, partition: int) -> None:  # noqa: ARG002  # as above
        self._position = None


class _SqliteReader:
    def __init__(self, log: SqliteLog, table: str, end: int) -> None:
        self._log, self._table, self._end = log, table, end
        self._next = 1  # the first offset that SQLite gives

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        records = await _read(self._log, self._table, self._next, max_records, timeout_s)
        if records:
            self._next = records[-1].offset + 1
        return records

    @property
    def caught_up(self) -> bool:
        return self._next > self._end


async def _read(log: SqliteLog, table: str, start: int, max_records: int, timeout_s: float) -> Sequence[Record]:
    """The records from `start` on; looks again every `poll_s` until there are some or the time is up."""
    sql = f"SELECT offset, key, value FROM {table} WHERE offset >= ? ORDER BY offset LIMIT ?"  # noqa: S608  # a name of ours
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    while True:
        rows = await log.read(lambda db: db.execute(sql, (start, max_records)).fetchall())
        if rows or loop.time() >= until:
            return [Record(PARTITION, *row) for row in rows]
        await asyncio.sleep(log.poll_s)


def _check_epoch(db: sqlite3.Connection, role: str, epoch: int) -> None:
    found = db.execute("SELECT number FROM epoch WHERE role = ?", (role,)).fetchone()[0]
    if found != epoch:
        raise Fenced(
            f"another process has begun to {role}: one may at a time, and the later one goes on (epoch {found} follows {epoch})"
        )


def _explained(error: Exception, path: str) -> LogError:
    """SQLite's words, with the file and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the kind, without its details
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Unavailable(f"the database {path} stayed locked for {_BUSY_TIMEOUT_S:.0f} s: {error}")
    if code == sqlite3.SQLITE_NOTADB:
        return Mismatch(f"{path} is not a SQLite database; choose another file")
    return Mismatch(
        f"the database {path} can't be used: {error}; check that its folder can be written and has space, or choose another file"
    )
