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
from time import time
from typing import TypeVar

from volcast.log.contract import Fenced, LogError, Mismatch
from volcast.log.retry import while_unavailable

from .errors import BUSY_TIMEOUT_S, read_only, translated, unreadable_wal
from .files import FileWatch, check_not_emptied, create_file, has_wal, is_read_only, state_of_files, warn_if_public
from .schema import create, is_new, lay_out

MEMORY = ":memory:"
_READ = "BEGIN"

_Result = TypeVar("_Result")


class Database:
    """The database at `path`, or in memory. Readers that wait for records poll every `poll_s` seconds. Can be reopened.

    A file that can be read but not written, as on a read-only disk, is opened for reading.
    """

    def __init__(
        self, path: str, synchronous: str, poll_s: float, witness: str = "", wall_clock: Callable[[], float] = time
    ) -> None:
        """`witness` is a file that exists once the log has been consumed; `wall_clock` returns seconds since 1970."""
        self.path, self._synchronous, self.poll_s, self._witness = path, synchronous, poll_s, witness
        self._wall_clock = wall_clock
        self._connection: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self.writes = 0
        """The number of writes of this object. Those of others are not counted."""
        self._waiting: set[asyncio.Future[None]] = set()
        self._files: FileWatch | None = None
        """None in memory, and for an immutable file."""
        self._immutable: tuple[object, ...] | None = None
        """The state of a file that is read without any lock, because no process can be writing to it here."""

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
        return await self._on_thread(lambda: self._transact(work, _READ))

    async def write(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run `work` in one write transaction, and return its result. Raises Unavailable if the database stays locked."""
        result = await self._on_thread(lambda: self._transact(work, "BEGIN IMMEDIATE"))
        self.writes += 1
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        return result

    def now_ms(self) -> int:
        """Return the time of an append, in milliseconds since 1970-01-01 UTC."""
        return int(self._wall_clock() * 1_000)

    async def next_write(self, seen: int, timeout_s: float) -> None:
        """Return once `writes` is no longer `seen`, or after `timeout_s` seconds."""
        if timeout_s <= 0.0 or self.writes != seen:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=timeout_s)
        finally:
            self._waiting.remove(waiter)

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
        with translated(self.path):
            if self._immutable is not None and self._immutable != state_of_files(self.path):
                self._connect()  # another process has written, from where the disk is writable
            assert self._connection is not None  # noqa: S101  # holds between open and close
            db = self._connection
            self._check_files(db)
            db.execute(begin)
            try:
                result = work(db)
                if db.in_transaction:
                    self._check_files(db)  # a commit into a deleted file would be lost
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.DatabaseError):  # some errors have rolled back already; the first error is the one to raise
                    db.execute("ROLLBACK")
                raise
            if begin != _READ:
                self._check_files(db)  # what is acknowledged must be in a file that will be found
        return result

    def _check_files(self, db: sqlite3.Connection) -> None:
        """Raise Mismatch if a file of the database was deleted or replaced."""
        ending = self._files.missing() if self._files else None
        if self._files and ending is not None:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise Mismatch(self._files.sentence(ending, saved=self._files.can_save(ending) and _moved(db)))

    def _connect(self) -> None:
        self._disconnect()  # a failed attempt may have left a connection open
        if Path(self.path).is_dir():
            raise Mismatch(f"{self.path} is a folder, but the log is a file: choose a file in that folder")
        with translated(self.path):
            if self.path == MEMORY:
                self._open_writable()
            elif is_read_only(self.path):
                self._open_read_only()
            else:
                self._prepare_file()
                self._open_writable()
                self._files = FileWatch(self.path)
                warn_if_public(self.path)

    def _prepare_file(self) -> None:
        """Create the file if it is missing. Raises Mismatch if it was emptied."""
        path = Path(self.path)
        if not path.exists():
            check_not_emptied(self.path, self._witness)
            create_file(self.path, lambda db: create(db, self.path))
        elif path.is_file() and not path.stat().st_size:
            check_not_emptied(self.path, self._witness)

    def _open_writable(self) -> None:
        self._connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        new = self._transact(
            lambda db: is_new(db, self.path), _READ
        )  # before the next lines, which write even to a file of another program
        if new:
            lay_out(self._connection)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        self._transact(lambda db: create(db, self.path), "BEGIN IMMEDIATE")

    def _open_read_only(self) -> None:
        state = state_of_files(self.path)
        mode = "mode=ro" if has_wal(self.path) else "mode=ro&immutable=1"
        uri = f"{Path(self.path).resolve().as_uri()}?{mode}"
        self._connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            if self._transact(lambda db: is_new(db, self.path), _READ):
                raise read_only(self.path)
        except Mismatch as error:
            if isinstance(error.__cause__, sqlite3.OperationalError) and has_wal(self.path):
                raise unreadable_wal(self.path) from error
            raise
        if not has_wal(self.path):
            self._immutable = state

    def _disconnect(self) -> None:
        self._files = self._immutable = None
        if self._connection:
            self._connection.close()
            self._connection = None


def _moved(db: sqlite3.Connection) -> bool:
    """Move all commits from the write-ahead log, deleted or not, into the database; return whether that was possible."""
    with suppress(sqlite3.DatabaseError):
        busy, frames, moved = db.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        return not busy and frames == moved
    return False


def check_epoch(db: sqlite3.Connection, role: str, epoch: int) -> None:
    """Raise Fenced if another process has taken the role since. Call it within the transaction that the epoch protects."""
    found = db.execute("SELECT number FROM epoch WHERE role = ?", (role,)).fetchone()[0]
    if found != epoch:
        raise Fenced(
            f"another process has started to {role}: only one may at a time, and the later one wins (epoch {found} follows "
            f"{epoch})"
        )
