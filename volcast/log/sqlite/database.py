"""One connection to a log's file, on one thread of its own: the event loop never waits for the disk.

Whatever is done is one transaction, and ends as one: all of it, or none, and the connection is good for the next.
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
    """The file `path`, or memory; whoever waits for records looks every `poll_s`. It may be opened again after it was closed."""

    def __init__(self, path: str, synchronous: str, poll_s: float) -> None:
        self.path, self._synchronous, self.poll_s = path, synchronous, poll_s
        self._connection: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._identity: tuple[int, int] | None = None
        """Of the file that was opened; None in memory."""

    async def open(self) -> None:
        """Make the file where there is none; wait while it is locked. Raises Mismatch."""
        self._thread = ThreadPoolExecutor(1, "sqlite")
        try:
            await while_unavailable(f"database {self.path}", lambda: self._on_thread(self._connect), Random())  # noqa: S311  # no secret: jitter
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Without effect where it is not open."""
        if self._thread:
            await self._on_thread(self._disconnect)
            self._thread.shutdown()
            self._thread = None

    async def read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """`work` on one consistent view of the file; waits for no writer."""
        return await self._on_thread(lambda: self._transact(work, "BEGIN"))

    async def write(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """`work` in one transaction: all of it, or none."""
        return await self._on_thread(lambda: self._transact(work, "BEGIN IMMEDIATE"))

    async def take(self, role: str) -> int:
        """Become the one holder of `role`, -> the epoch's number: whoever held it before is fenced."""

        def take(db: sqlite3.Connection) -> int:
            sql = "INSERT INTO epoch VALUES (?, 1) ON CONFLICT (role) DO UPDATE SET number = number + 1 RETURNING number"
            return int(db.execute(sql, (role,)).fetchone()[0])

        return await self.write(take)

    async def _on_thread(self, work: Callable[[], _Result]) -> _Result:
        if self._thread is None:
            raise LogError(f"the log {self.path} is not open: enter it first")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _transact(self, work: Callable[[sqlite3.Connection], _Result], begin: str) -> _Result:
        assert self._connection is not None  # noqa: S101  # holds between open and close
        db = self._connection
        with translated(self.path):
            self._check_in_place()
            db.execute(begin)
            try:
                answer = work(db)
                self._check_in_place()  # what is committed into a deleted file is lost
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.DatabaseError):  # some errors have rolled back already, and the first one is worth telling
                    db.execute("ROLLBACK")
                raise
        return answer

    def _check_in_place(self) -> None:
        if self._identity:
            check_in_place(self.path, self._identity)

    def _connect(self) -> None:
        self._disconnect()  # what an attempt before may have left
        if Path(self.path).is_dir():
            raise Mismatch(f"{self.path} is a folder; the log is a file: choose one in it")
        with translated(self.path):
            if self.path != MEMORY:
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._transact(lambda db: is_new(db, self.path), "BEGIN")  # first: the next line writes, whosever file it is
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
    """Raises Fenced where another has taken the role since; within the transaction that the epoch guards."""
    found = db.execute("SELECT number FROM epoch WHERE role = ?", (role,)).fetchone()[0]
    if found != epoch:
        raise Fenced(
            f"another process has begun to {role}: one may at a time, and the later one goes on (epoch {found} follows {epoch})"
        )
