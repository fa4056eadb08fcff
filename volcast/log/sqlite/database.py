"""A connection to the SQLite file of a log, on a thread of its own, so that the event loop never waits for the disk.

Each operation is one transaction: it is committed or rolled back as a whole, and the connection stays usable afterwards.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TypeVar

from volcast.log.contract import Fenced, LogError, Mismatch
from volcast.log.retry import while_unavailable

from .errors import BUSY_TIMEOUT_S, check_in_place, identity, translated
from .schema import create, is_new

MEMORY = ":memory:"

_Result = TypeVar("_Result")


class Database:
    """The database at `path`, or in memory. Readers that wait for records poll every `poll_s` seconds. Can be reopened."""

    def __init__(self, path: str, synchronous: str, poll_s: float) -> None:
        self.path, self._synchronous, self.poll_s = path, synchronous, poll_s
        self._connection: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._identity: tuple[int, int] | None = None
        """Device and inode of the opened file; None in memory."""

    async def open(self) -> None:
        """Open the file, or create it; wait while it is locked. Raises Mismatch."""
        self._thread = ThreadPoolExecutor(1, "sqlite")
        try:
            await while_unavailable(f"database {self.path}", lambda: self._on_thread(self._connect), Random())  # noqa: S311  # no secret: jitter
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection; has no effect if it is not open."""
        if self._thread:
            await self._on_thread(self._disconnect)
            self._thread.shutdown()
            self._thread = None

    async def read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run `work` on a consistent snapshot of the database, without waiting for writers, and return its result."""
        return await self._on_thread(lambda: self._transact(work, "BEGIN"))

    async def write(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run `work` in one write transaction, and return its result. Raises Unavailable if the database stays locked."""
        return await self._on_thread(lambda: self._transact(work, "BEGIN IMMEDIATE"))

    async def take(self, role: str) -> int:
        """Become the only holder of `role`, and return the number of the new epoch: the former holder is fenced."""

        def take(db: sqlite3.Connection) -> int:
            sql = "INSERT INTO epoch VALUES (?, 1) ON CONFLICT (role) DO UPDATE SET number = number + 1 RETURNING number"
            return int(db.execute(sql, (role,)).fetchone()[0])

        return await self.write(take)

    async def _on_thread(self, work: Callable[[], _Result]) -> _Result:
        if self._thread is None:
            raise LogError(f"the log {self.path} is not open: use it within `async with`")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _transact(self, work: Callable[[sqlite3.Connection], _Result], begin: str) -> _Result:
        assert self._connection is not None  # noqa: S101  # holds between open and close
        db = self._connection
        with translated(self.path):
            self._check_in_place()
            db.execute(begin)
            try:
                result = work(db)
                self._check_in_place()  # a commit into a deleted file would be lost
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.DatabaseError):  # some errors have rolled back already; the first error is the one to raise
                    db.execute("ROLLBACK")
                raise
        return result

    def _check_in_place(self) -> None:
        if self._identity:
            check_in_place(self.path, self._identity)

    def _connect(self) -> None:
        self._disconnect()  # a failed attempt may have left a connection open
        if Path(self.path).is_dir():
            raise Mismatch(f"{self.path} is a folder, but the log is a file: choose a file in that folder")
        with translated(self.path):
            if self.path != MEMORY:
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._transact(
                lambda db: is_new(db, self.path), "BEGIN"
            )  # before the next line, which writes even to a file of another program
            if self.path != MEMORY:
                self._identity = identity(self.path)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        self._transact(lambda db: create(db, self.path), "BEGIN IMMEDIATE")

    def _disconnect(self) -> None:
        self._identity = None
        if self._connection:
            self._connection.close()
            self._connection = None


def check_epoch(db: sqlite3.Connection, role: str, epoch: int) -> None:
    """Raise Fenced if another process has taken the role since. Call it within the transaction that the epoch protects."""
    found = db.execute("SELECT number FROM epoch WHERE role = ?", (role,)).fetchone()[0]
    if found != epoch:
        raise Fenced(
            f"another process has started to {role}: only one may at a time, and the later one wins (epoch {found} follows "
            f"{epoch})"
        )
