"""The log's contract on a simulated broker. At each point at which a real log would wait, the script may cause a fault.

One `SimulatedLog` belongs to one process. Without a script there are no faults, and it works on any event loop.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Self

from consumer.checkpoint import CHECKPOINT_KEY
from volcast.log.contract import (
    Appender,
    Commit,
    Consumer,
    Fenced,
    KeyValue,
    Mismatch,
    Reader,
    Record,
    Restored,
    Topic,
    Unavailable,
)

from .broker import Guarantee, Positions, SimulatedBroker, Transaction, Write, simulated_partition_of, writes_of
from .group import Group, Member
from .script import FaultScript, LogFault, NoFaults, Point


class SimulatedLog:
    """One process's access to `broker`. `name` is the name of the process in the consumer group."""

    def __init__(
        self,
        broker: SimulatedBroker,
        group: Group | None = None,
        script: FaultScript | None = None,
        name: str = "",
        consumer: type["SimulatedConsumer"] | None = None,
    ) -> None:
        """`consumer` is the class of its consumers, if it is not `SimulatedConsumer`."""
        self.counts: Counter[str] = Counter()
        """How many commits succeeded, how often the process was fenced, and how many partitions it restored."""
        self._broker, self._name = broker, name
        self._group = group or Group(len(broker.partitions))
        self._script = script or NoFaults(self._group)
        self._consumer = consumer or SimulatedConsumer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Do nothing: there is no connection to close."""

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator[Appender]:
        self._broker.appenders[name] = self._broker.appenders.get(name, 0) + 1
        yield _Appender(self._broker, name)

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        member = Member(self._name)
        self._group.join(member)
        try:
            yield self._consumer(self._broker, self._script, member, self.counts)
        finally:
            member.left = True
            if not member.dead:
                self._group.leave(member)

    @asynccontextmanager
    async def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AsyncIterator[Reader]:
        yield _Reader(self._broker, topic, start or {})

    async def peek(self, *, keys_only: bool = False) -> Mapping[int, Restored]:
        await asyncio.sleep(0)
        found = {number: partition.restored() for number, partition in enumerate(self._broker.partitions)}
        if keys_only:
            found = {number: replace(each, snapshots=dict.fromkeys(each.snapshots, b"")) for number, each in found.items()}
        return found

    async def latest(self, topic: Topic, key: bytes, count: int) -> Sequence[Record]:
        await asyncio.sleep(0)
        return [record for record in self._broker.records(topic, self.partition_of(key)) if record.key == key][-count:]

    async def keys(self, topic: Topic) -> Sequence[bytes]:
        await asyncio.sleep(0)
        partitions = range(len(self._broker.partitions))
        return sorted({record.key for number in partitions for record in self._broker.records(topic, number)})

    def partition_of(self, key: bytes) -> int:
        return simulated_partition_of(key, len(self._broker.partitions))


class _Appender:
    def __init__(self, broker: SimulatedBroker, name: str) -> None:
        self._broker, self._name, self._epoch = broker, name, broker.appenders[name]

    async def last(self, key: bytes, matches: Callable[[bytes], bool]) -> Record | None:
        await asyncio.sleep(0)
        candles = self._broker.partitions[simulated_partition_of(key, len(self._broker.partitions))].candles
        return next((record for record in reversed(candles) if record.key == key and matches(record.value)), None)

    async def append(self, records: Sequence[KeyValue]) -> None:
        await asyncio.sleep(0)
        if self._broker.appenders[self._name] != self._epoch:
            raise Fenced(f"another appender named {self._name} was opened")
        self._broker.append(records)

    async def promote(self, record: KeyValue, marker: KeyValue) -> Mapping[int, int]:
        await asyncio.sleep(0)
        if self._broker.appenders[self._name] != self._epoch:
            raise Fenced(f"another appender named {self._name} was opened")
        return self._broker.promote(record, marker)


@dataclass(slots=True)
class OpenPartition:
    """A partition that this process has opened."""

    epoch: int
    next_offset: int | None = None
    """None until the consumer seeks."""


class SimulatedConsumer:
    """A member of the group, with the partitions that it has opened."""

    def __init__(self, broker: SimulatedBroker, script: FaultScript, member: Member, counts: Counter[str]) -> None:
        self._broker, self._script, self._member, self._counts = broker, script, member, counts
        self._open: dict[int, OpenPartition] = {}

    async def assignment(self) -> Mapping[int, int]:
        await self._reach(Point.ASSIGNMENT)
        return self._member.known

    async def open(self, partition: int) -> Restored:
        self._open.pop(partition, None)
        await self._reach(Point.OPEN)
        held = self._broker.partitions[partition]
        if Guarantee.RESTORE_AFTER_FENCE in self._broker.without:
            restored = held.restored()
            await self._reach(Point.OPENING)
            epoch = self._broker.fence(partition, self._member)
        else:
            epoch = self._broker.fence(partition, self._member)
            await self._reach(Point.OPENING)
            restored = held.restored()
        await self._reach(Point.OPENED)
        self._check(partition, epoch)
        self._open[partition] = OpenPartition(epoch)
        self._counts["restores"] += 1
        return restored

    async def seek(self, partition: int, offset: int) -> None:
        await self._reach(Point.SEEK)
        self._open[partition].next_offset = offset

    async def end(self, partition: int) -> int:
        await self._reach(Point.END)
        return self._broker.partitions[partition].end()

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        await self._reach(Point.POLL)
        limit = self._script.poll_limit(max_records)
        records = self._read(limit)
        if not records:
            await self._broker.wait_for_records(Topic.CANDLES, timeout_s)
            records = self._read(limit)
        await self._reach(Point.POLLED)
        return records

    async def commit(self, partition: int, commit: Commit) -> None:
        held = self._open.get(partition)
        if held is None:
            raise Fenced(f"partition {partition} is not open here")
        transaction = Transaction(self._broker, partition, held.epoch)
        try:
            fault, separate = await self._write(transaction, commit)
            if fault is LogFault.LATE:
                self._script.commit_later(transaction)
            else:
                transaction.commit()
                await self._reach(Point.RESPONSE)
        except Fenced:
            self._counts["fencings"] += 1
            raise
        self._broker.apply(partition, separate)
        if fault:
            raise Unavailable("no response to a commit")
        self._counts["commits"] += 1

    async def close(self, partition: int) -> None:
        await self._reach(Point.CLOSE)
        self._open.pop(partition, None)

    async def _write(self, transaction: Transaction, commit: Commit) -> tuple[LogFault | None, list[Write]]:
        """Write all but the commit itself. Return how the response is lost (None: not at all), and what is written separately
        from the transaction: the position, if that guarantee is taken away.
        """
        separate: list[Write] = []
        for write in writes_of(commit):
            if Guarantee.POSITION_IN_STATE in self._broker.without and _has_position(write):
                separate.append(write)
                continue
            await self._reach(Point.WRITE)
            transaction.write(write)
        return await self._reach(Point.LAST), separate

    def _read(self, max_records: int) -> dict[int, list[Record]]:
        records: dict[int, list[Record]] = {}
        for partition, held in self._open.items():
            if held.next_offset is not None and (found := self._broker.partitions[partition].read(held.next_offset, max_records)):
                held.next_offset = found[-1].offset + 1
                records[partition] = found
        return records

    def _check(self, partition: int, epoch: int) -> None:
        try:
            self._broker.check(partition, epoch)
        except Fenced:
            self._counts["fencings"] += 1
            raise

    async def _reach(self, point: Point) -> LogFault | None:
        return await self._script.reach(point, self._member)


def _has_position(write: Write) -> bool:
    """Return whether this write is the position, or the checkpoint of the state, which repeats it."""
    return isinstance(write, Positions) or write[1].key == CHECKPOINT_KEY


class _Reader:
    """Its positions in a partition are indices; a record's offset may be larger."""

    def __init__(self, broker: SimulatedBroker, topic: Topic, start: Mapping[int, int]) -> None:
        """Raises Mismatch if a partition ends before its offset in `start`."""
        self._topics = [broker.records(topic, number) for number in range(len(broker.partitions))]
        self._ends = [len(records) for records in self._topics]
        for number, records in enumerate(self._topics):
            if start.get(number, 0) > (end := _next_offset(records)):
                raise Mismatch(f"{topic}, partition {number}: reading was to go on at {start[number]}, but it ends at {end}")
        self._read = [bisect_left(each, start.get(n, 0), key=attrgetter("offset")) for n, each in enumerate(self._topics)]
        self._broker, self._topic = broker, topic

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        if not self._new():
            await self._broker.wait_for_records(self._topic, timeout_s)
        records: list[Record] = []
        for number, topic in enumerate(self._topics):
            start = self._read[number]
            found = topic[start : start + max_records - len(records)]
            self._read[number] += len(found)
            records += found
        return records

    @property
    def caught_up(self) -> bool:
        return all(read >= end for read, end in zip(self._read, self._ends, strict=True))

    @property
    def positions(self) -> Mapping[int, int]:
        return {
            n: records[read - 1].offset + 1 if read else 0
            for n, (records, read) in enumerate(zip(self._topics, self._read, strict=True))
        }

    async def begins(self) -> Mapping[int, int]:
        await asyncio.sleep(0)
        return {number: records[0].offset if records else 0 for number, records in enumerate(self._topics)}

    async def ends(self) -> Mapping[int, int]:
        await asyncio.sleep(0)
        return {number: _next_offset(records) for number, records in enumerate(self._topics)}

    def _new(self) -> bool:
        return any(len(topic) > read for topic, read in zip(self._topics, self._read, strict=True))


def _next_offset(records: Sequence[Record]) -> int:
    return records[-1].offset + 1 if records else 0
