"""The consumer of a SQLite log: it owns the only partition while it holds the lease.

The lease decides who should try to consume. What protects the output is the epoch that `open` took: each commit checks it, and
so does each step of retention, which the owner takes between two polls.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence

from volcast.log.contract import Commit, Fenced, Mismatch, Record, Restored, Topic
from volcast.log.retention import Retention

from .database import Database, check_epoch
from .errors import translated
from .lease import HeartbeatLease
from .position import restored_from, write_position
from .reader import PARTITION, TablePoller, end_of
from .retention import append_rows, is_anything_due, steps_after, trim
from .schema import TABLES

ROLE = "consume"
_CANDLES, _SIGNALS, _REJECTED = (TABLES[topic] for topic in (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED))
_RETENTION_PAUSE_S = 0.25
"""How long retention waits after a look that found nothing."""


class SqliteConsumer:
    """A consumer of a SQLite file. Without a lease, as for a log in memory, it always owns the partition."""

    def __init__(self, database: Database, lease: HeartbeatLease | None, retention: Retention) -> None:
        self._database, self._lease, self._retention = database, lease, retention
        self._candles = TablePoller(database, _CANDLES)
        self._epoch: int | None = None
        """The epoch that `open` took; None while the partition is not open."""
        self._next_offset: int | None = None
        """The offset from which to poll next; None before `seek`."""
        self._position = 0
        """The position that `open` found."""
        self._may_trim = False
        """Whether the last commit says what is needed from now on. It does not while candles below its position are read again,
        as when a state is rebuilt; the commit after them does.
        """
        self._look_at_s = 0.0
        self._written_bytes = 0
        """Of the values of commits since the last step of retention, which must not fall behind."""

    async def assignment(self) -> Mapping[int, int]:
        if self._lease is None:
            return {PARTITION: 1}
        with translated(self._database.path):
            return {PARTITION: self._lease.number} if self._lease.take() else {}

    async def open(self, partition: int) -> Restored:
        await self.close(partition)
        if self._lease and self._lease.lost:  # lost since `assignment`: a process that was paused must not fence its successor
            raise Fenced("another process has taken over, as this one was unresponsive for longer than the session timeout")
        epoch = await self._database.take(ROLE)
        path = self._database.path
        restored = await self._database.read(lambda db: restored_from(db, path))
        if restored.position < restored.earliest and not restored.position_unknown:
            raise Mismatch(
                f"{path}: the state continues at candle {restored.position}, the oldest candle is "
                f"{restored.earliest}: choose another file to start anew"
            )
        self._epoch, self._position = epoch, restored.position
        return restored

    async def seek(self, partition: int, offset: int) -> None:  # noqa: ARG002  # there is only one
        if self._epoch is not None:
            self._next_offset, self._may_trim = offset, offset >= self._position

    async def end(self, partition: int) -> int:  # noqa: ARG002  # as above
        return await end_of(self._database, _CANDLES)

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        if self._next_offset is None:
            await asyncio.sleep(min(timeout_s, self._database.poll_s))
            return {}
        await self._trim()
        records = await self._candles.read(self._next_offset, max_records, timeout_s)
        if not records:
            return {}
        self._next_offset = records[-1].offset + 1
        return {PARTITION: records}

    async def commit(self, partition: int, commit: Commit) -> None:
        if self._epoch is None:
            raise Fenced(f"partition {partition} is not open here")
        epoch, now_ms = self._epoch, self._database.now_ms()

        def write(db: sqlite3.Connection) -> None:
            check_epoch(db, ROLE, epoch)
            append_rows(db, _SIGNALS, commit.signals, now_ms)
            append_rows(db, _REJECTED, commit.rejects, now_ms)
            changed = [(key, commit.position, value) for key, value in commit.snapshots if value]
            db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", changed)
            db.executemany("DELETE FROM state WHERE key = ?", [(key,) for key, value in commit.snapshots if not value])
            write_position(db, commit)

        await self._database.write(write)
        self._may_trim = self._may_trim or self._next_offset is not None
        self._written_bytes += sum(len(value) for _, value in (*commit.signals, *commit.rejects))

    async def close(self, partition: int) -> None:  # noqa: ARG002  # as above
        self._epoch = self._next_offset = None
        self._may_trim = False

    async def _trim(self) -> None:
        """Take some steps of retention, if there is anything to do. Raises Unavailable."""
        epoch, now_s, database = self._epoch, asyncio.get_running_loop().time(), self._database
        if epoch is None or not (self._may_trim and self._retention != Retention() and now_s >= self._look_at_s):
            return
        now_ms, steps, self._written_bytes = database.now_ms(), steps_after(self._written_bytes), 0

        def step(db: sqlite3.Connection) -> None:
            check_epoch(db, ROLE, epoch)
            trim(db, self._retention, now_ms)

        for _ in range(steps):
            if not await database.read(lambda db: is_anything_due(db, self._retention, now_ms)):
                self._look_at_s = now_s + _RETENTION_PAUSE_S
                return
            try:
                await database.write(step)
            except Fenced:  # the next commit says so, too
                self._may_trim = False
                return
