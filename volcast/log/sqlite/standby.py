"""A consumer of a SQLite log that follows the process which holds the lease, by what that process writes into the file.

Each value of the state has the position of the commit that wrote it. Several commits between two polls are seen as one of each
position, without the values that a later one has replaced. The system releases the lease when its holder dies.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import groupby
from zlib import crc32

from volcast.log.contract import Fenced, KeyValue, Mismatch, Record, Restored, Unavailable
from volcast.log.retention import Retention
from volcast.log.standby import Followed, FollowedCommit, Owner

from .consumer import ROLE, SqliteConsumer
from .database import Database
from .lease import HeartbeatLease
from .position import Offsets, restored_from, stored_offsets
from .reader import FIRST_OFFSET, PARTITION

_IDLE_S = 0.1
"""How often a process that owns nothing looks at the file and at the lease."""
_ALL = -1
"""No limit, for SQLite."""


class _Cursor:
    """How far the commits and candles of the owner were polled."""

    def __init__(self, offsets: Offsets) -> None:
        self.offsets = offsets
        self.checksums: dict[bytes, int] = {}
        """Of the values that were polled and have the position of the last commit."""
        self.next_offset: int | None = None
        """The offset of the next candle to return; None before `seek`."""


class SqliteStandbyConsumer(SqliteConsumer):
    """A consumer that also follows. Without a lease, as for a log in memory, there is no other process."""

    partitions = 1

    def __init__(self, database: Database, lease: HeartbeatLease | None, retention: Retention) -> None:
        super().__init__(database, lease, retention)
        self._cursor: _Cursor | None = None

    def owner(self, partition: int) -> Owner:  # noqa: ARG002  # there is only one
        if self._lease is None or (self._epoch is not None and self._lease.held):
            return Owner.SELF
        return Owner.GONE if self._lease.held else Owner.ALIVE

    async def follow(self, partition: int) -> Restored:  # noqa: ARG002  # as above
        path = self._database.path
        restored, offsets = await self._database.read(lambda db: (restored_from(db, path), stored_offsets(db, path)))
        if restored.position < restored.earliest:
            raise Mismatch(f"{path}: candles were deleted before they were answered")
        self._cursor = _Cursor(offsets or Offsets(0, 0))
        return restored

    def unfollow(self, partition: int) -> None:  # noqa: ARG002  # as above
        self._cursor = None

    async def seek(self, partition: int, offset: int) -> None:
        if self._cursor:
            self._cursor.next_offset = offset
        await super().seek(partition, offset)

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        if self._epoch is None:
            await asyncio.sleep(min(timeout_s, _IDLE_S))
            return {}
        return await super().poll(max_records, timeout_s)

    async def poll_followed(self, max_records: int) -> Mapping[int, Followed]:
        if (cursor := self._cursor) is None:
            return {}
        followed = await self._database.read(lambda db: _news(db, self._database.path, cursor, max_records))
        return {PARTITION: followed} if followed.commits or followed.candles else {}

    async def take_over(self, partition: int) -> Followed:
        cursor = self._cursor
        await self.close(partition)
        if self._lease and self._lease.lost:  # as in `open`
            raise Fenced("another process has taken over, as this one was unresponsive for longer than the session timeout")
        epoch = await self._database.take(ROLE)
        if cursor is None:
            raise Fenced(f"partition {partition} is not followed here")
        rest = await self._database.read(lambda db: _news(db, self._database.path, cursor, _ALL))
        self._epoch, self._next_offset, self._cursor = epoch, None, None
        self._position, self._may_trim = cursor.offsets.position, False
        return rest


def _news(db: sqlite3.Connection, path: str, cursor: _Cursor, max_records: int) -> Followed:
    """Return what has come since the last call, and move the cursor; call it within one transaction.

    Raises Mismatch; Unavailable if retention was faster.
    """
    offsets, before = stored_offsets(db, path), cursor.offsets
    commits: list[FollowedCommit] = []
    if offsets and offsets != before:
        sql = "SELECT position, key, value FROM state WHERE position >= ? ORDER BY position"
        for position, rows in groupby(db.execute(sql, (before.position,)), key=lambda row: int(row[0])):
            values = [KeyValue(key, value) for _, key, value in rows]
            known = cursor.checksums if position == before.position else {}
            if changed := [each for each in values if known.get(each.key) != crc32(each.value)]:
                commits.append(FollowedCommit(position, changed))
            if position == offsets.position:
                cursor.checksums = {key: crc32(value) for key, value in values}
        cursor.offsets = offsets
    if cursor.next_offset is None:
        return Followed([], commits)
    earliest = db.execute("SELECT min(offset) FROM candles").fetchone()[0] or FIRST_OFFSET
    if earliest > max(cursor.next_offset, FIRST_OFFSET):
        raise Unavailable(
            f"{path}: retention has deleted the candles from {cursor.next_offset} to {earliest} before this standby had read "
            "them: it begins anew from the state"
        )
    sql = "SELECT offset, key, value FROM candles WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?"
    candles = [Record(PARTITION, *row) for row in db.execute(sql, (cursor.next_offset, cursor.offsets.position, max_records))]
    if candles:
        cursor.next_offset = candles[-1].offset + 1
    return Followed(candles, commits)
