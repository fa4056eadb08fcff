"""The watch counts each record once, also when its reader breaks and starts again."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.log_access import fill, opened
from volcast.log.contract import Commit, KeyValue, Log, Reader, Record, Topic, Unavailable
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.watch import Watch, now_s, positions_of, records_of


class BreakingLog(SqliteLog):
    """A log whose readers break at their third read."""

    @asynccontextmanager
    async def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AsyncIterator[Reader]:
        async with super().reader(topic, start) as reader:
            yield BreakingReader(reader)


class BreakingReader:
    """Reads two records at a time, twice, and then fails."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._reads = reader, 0

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:  # noqa: ARG002  # two are read
        self._reads += 1
        if self._reads == 3:
            raise Unavailable("the broker is gone")
        return await self._reader.read(2, timeout_s)

    @property
    def caught_up(self) -> bool:
        return self._reader.caught_up

    @property
    def positions(self) -> Mapping[int, int]:
        return self._reader.positions

    async def begins(self) -> Mapping[int, int]:
        return await self._reader.begins()

    async def ends(self) -> Mapping[int, int]:
        return await self._reader.ends()


@asynccontextmanager
async def followed(log: Log) -> AsyncIterator[Watch]:
    watch = Watch(log, partitions=1)
    following = asyncio.create_task(watch.follow())
    yield watch
    following.cancel()
    await asyncio.wait([following])


@pytest.mark.parametrize("kind", [SqliteLog, BreakingLog])
async def test_each_candle_is_counted_once(kind: type[SqliteLog]) -> None:
    async with kind(":memory:", poll_s=0.001) as log, followed(log) as watch:
        await fill(log, [KeyValue(b"A", b"1"), KeyValue(b"B", b"2"), KeyValue(b"A", b"3")])
        async with asyncio.timeout(60):
            while watch.rows([b"A", b"B"]) < 3:
                await asyncio.sleep(0.001)
        await fill(log, [KeyValue(b"C", b"4")])
        async with asyncio.timeout(60):
            while not watch.candles[b"C"]:
                await asyncio.sleep(0.001)
        assert watch.candles == {b"A": 2, b"B": 1, b"C": 1}
        assert watch.rows([b"A"]) == 2


async def test_signals_are_seen_when_they_come() -> None:
    async with SqliteLog(":memory:", poll_s=0.001) as log, followed(log) as watch, log.consumer() as consumer:
        began_s = now_s()
        assert not watch.all_signalled_since(began_s)
        await fill(log, [KeyValue(b"A", b"1")] * 4)
        await opened(consumer)
        await consumer.commit(0, Commit(5, [KeyValue(b"A", b"1")]))
        async with asyncio.timeout(60):
            while not watch.all_signalled_since(began_s):
                await asyncio.sleep(0.001)
        assert not watch.all_signalled_since(now_s())
        assert await positions_of(log) == {0: 5}
        assert [record.value for record in await records_of(log, Topic.SIGNALS)] == [b"1"]
