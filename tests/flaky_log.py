"""A real log with scripted faults of its writes, as a network, a broker or another owner may cause them at any moment."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Self

from volcast.log.contract import Appender, Commit, Consumer, Fenced, KeyValue, Log, Reader, Record, Restored, Topic, Unavailable


class Fault(Enum):
    """How a write fails."""

    LOST = auto()
    """Nothing is written, and there is no response."""
    UNANSWERED = auto()
    """The write succeeds, but there is no response."""
    FENCED = auto()
    """Another consumer opens the partition before the write."""


class FlakyLog:
    """`log` with a fault at each scripted commit and append. Both are counted from 0, over all its consumers and appenders.

    A test may also set which partitions are `assigned`, and a callback for the end of the next empty poll.
    """

    def __init__(self, log: Log, commits: Mapping[int, Fault] | None = None, appends: Mapping[int, Fault] | None = None) -> None:
        self._log, self._commits, self._appends = log, commits or {}, appends or {}
        self.commits, self.appends = 0, 0
        self.fenced_opens = 0
        """How many of the next opens fail, as if another consumer opened the partition at the same time."""
        self.assigned: Mapping[int, int] | None = None
        self.at_empty_poll: Callable[[], Awaitable[None]] | None = None

    async def __aenter__(self) -> Self:
        await self._log.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._log.__aexit__(*exc_info)

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator[Appender]:
        async with self._log.appender(name) as appender:
            yield _FlakyAppender(self, appender)

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        async with self._log.consumer() as consumer:
            yield _FlakyConsumer(self, consumer)

    @asynccontextmanager
    async def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AsyncIterator[Reader]:
        async with self._log.reader(topic, start) as reader:
            yield reader

    async def peek(self, *, keys_only: bool = False) -> Mapping[int, Restored]:
        return await self._log.peek(keys_only=keys_only)

    async def latest(self, topic: Topic, key: bytes, count: int) -> Sequence[Record]:
        return await self._log.latest(topic, key, count)

    async def keys(self, topic: Topic) -> Sequence[bytes]:
        return await self._log.keys(topic)

    def partition_of(self, key: bytes) -> int:
        return self._log.partition_of(key)

    def next_commit(self) -> Fault | None:
        self.commits += 1
        return self._commits.get(self.commits - 1)

    def next_append(self) -> Fault | None:
        self.appends += 1
        return self._appends.get(self.appends - 1)

    async def open_elsewhere(self, partition: int) -> None:
        async with self._log.consumer() as other:
            await other.open(partition)


class _FlakyAppender:
    def __init__(self, log: FlakyLog, appender: Appender) -> None:
        self._log, self._appender = log, appender

    async def last(self, key: bytes, matches: Callable[[bytes], bool]) -> Record | None:
        return await self._appender.last(key, matches)

    async def append(self, records: Sequence[KeyValue]) -> None:
        fault = self._log.next_append()
        if fault is not Fault.LOST:
            await self._appender.append(records)
        if fault:
            raise Unavailable("no response to an append")

    async def promote(self, record: KeyValue, marker: KeyValue) -> Mapping[int, int]:
        fault = self._log.next_append()
        offsets = {} if fault is Fault.LOST else await self._appender.promote(record, marker)
        if fault:
            raise Unavailable("no response to a promotion")
        return offsets


class _FlakyConsumer:
    def __init__(self, log: FlakyLog, consumer: Consumer) -> None:
        self._log, self._consumer = log, consumer

    async def assignment(self) -> Mapping[int, int]:
        assigned = await self._consumer.assignment()
        return assigned if self._log.assigned is None else self._log.assigned

    async def open(self, partition: int) -> Restored:
        if self._log.fenced_opens:
            self._log.fenced_opens -= 1
            raise Fenced("another consumer has opened it")
        return await self._consumer.open(partition)

    async def seek(self, partition: int, offset: int) -> None:
        await self._consumer.seek(partition, offset)

    async def end(self, partition: int) -> int:
        return await self._consumer.end(partition)

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        records = await self._consumer.poll(max_records, timeout_s)
        if not records and self._log.at_empty_poll:
            callback, self._log.at_empty_poll = self._log.at_empty_poll, None
            await callback()
        return records

    async def commit(self, partition: int, commit: Commit) -> None:
        fault = self._log.next_commit()
        if fault is Fault.FENCED:
            await self._log.open_elsewhere(partition)
        if fault is not Fault.LOST:
            await self._consumer.commit(partition, commit)
        if fault:
            raise Unavailable("no response to a commit")

    async def close(self, partition: int) -> None:
        await self._consumer.close(partition)
