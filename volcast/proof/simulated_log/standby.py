"""A consumer of the simulated log that follows what others commit, and takes over at random moments, also from living owners."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from volcast.log.contract import Fenced, Record, Restored
from volcast.log.standby import Followed, Owner

from .broker import SimulatedBroker
from .group import Member
from .log import OpenPartition, SimulatedConsumer
from .script import FaultScript, Point

_IDLE_S = 0.05


class _Cursor:
    """How far a partition was followed."""

    def __init__(self, commits: int, position: int) -> None:
        self.commits, self.position = commits, position
        self.next_offset: int | None = None


class SimulatedStandbyConsumer(SimulatedConsumer):
    """A consumer that also follows."""

    def __init__(self, broker: SimulatedBroker, script: FaultScript, member: Member, counts: Counter[str]) -> None:
        super().__init__(broker, script, member, counts)
        self._cursors: dict[int, _Cursor] = {}
        self.partitions = len(broker.partitions)

    def owner(self, partition: int) -> Owner:
        owner = self._broker.partitions[partition].owner
        if owner is self._member:
            return Owner.SELF
        return Owner.GONE if owner is None or self._script.seems_gone(owner) else Owner.ALIVE

    async def follow(self, partition: int) -> Restored:
        await self._reach(Point.FOLLOW)
        held = self._broker.partitions[partition]
        self._cursors[partition] = _Cursor(len(held.commits), held.positions.position)
        return held.restored()

    def unfollow(self, partition: int) -> None:
        self._cursors.pop(partition, None)

    async def seek(self, partition: int, offset: int) -> None:
        if partition in self._cursors:
            self._cursors[partition].next_offset = offset
        else:
            await super().seek(partition, offset)

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        if not self._open:
            await self._reach(Point.POLL)
            await asyncio.sleep(min(timeout_s, _IDLE_S))
            return {}
        return await super().poll(max_records, min(timeout_s, _IDLE_S))

    async def poll_followed(self, max_records: int) -> Mapping[int, Followed]:
        await self._reach(Point.FOLLOWED)
        limit = self._script.poll_limit(max_records)
        found = {partition: self._news(partition, cursor, limit) for partition, cursor in self._cursors.items()}
        return {partition: each for partition, each in found.items() if each.commits or each.candles}

    async def take_over(self, partition: int) -> Followed:
        await self._reach(Point.OPEN)
        self._open.pop(partition, None)
        epoch = self._broker.fence(partition, self._member)
        await self._reach(Point.OPENING)
        cursor = self._cursors.pop(partition, None)
        if cursor is None:
            raise Fenced(f"partition {partition} is not followed here")
        rest = self._news(partition, cursor, None)
        await self._reach(Point.OPENED)
        self._check(partition, epoch)
        self._open[partition] = OpenPartition(epoch)
        self._counts["takeovers"] += 1
        return rest

    def _news(self, partition: int, cursor: _Cursor, limit: int | None) -> Followed:
        """Return what has come since the last call, at most `limit` candles (None: all), and move the cursor."""
        held = self._broker.partitions[partition]
        commits = held.commits[cursor.commits :]
        if commits:
            cursor.commits, cursor.position = len(held.commits), commits[-1].position
        if cursor.next_offset is None:
            return Followed([], commits)
        candles = [each for each in held.read(cursor.next_offset, limit or len(held.candles)) if each.offset < cursor.position]
        if candles:
            cursor.next_offset = candles[-1].offset + 1
        return Followed(candles, commits)
