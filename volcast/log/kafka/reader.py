"""Reading partitions without a group: a whole topic as it grows, or a stretch of a partition.

The end of a partition is its high watermark, not what committed readers see at the moment: a commit that has been answered may
still wait for its marker, or for another's open transaction before it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from volcast.log.contract import Record, Topic, Unavailable

from .client import Client, explained, start, stop

_FIRST_STEP_RECORDS = 1_000
_STEP_GROWTH = 4
_READ_RECORDS = 10_000
_READ_MS = 200


class KafkaReader:
    """All partitions of a topic. `ends` are the high watermarks of those that were not empty when it was opened."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, ends: dict[TopicPartition, int]) -> None:
        self._consumer, self._topic, self._ends = consumer, topic, ends

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        with explained(f"reading {self._topic}"):
            answer = await self._consumer.getmany(timeout_ms=int(timeout_s * 1_000), max_records=max_records)
        # A transaction's marker is a record that nobody is given: the position passes it with a later look.
        self._ends = {tp: end for tp, end in self._ends.items() if await self._consumer.position(tp) < end}
        return [plain(record) for records in answer.values() for record in records]

    @property
    def caught_up(self) -> bool:
        return not self._ends


@asynccontextmanager
async def reader(client: Client, topic: Topic) -> AsyncIterator[KafkaReader]:
    """From the first retained record on."""
    found = await bounds(client, [client.at(topic, partition) for partition in range(client.partitions)])
    async with reading_from(client, {tp: begin for tp, (begin, _) in found.items()}) as consumer:
        yield KafkaReader(consumer, client.topic(topic), {tp: end for tp, (begin, end) in found.items() if end > begin})


@asynccontextmanager
async def reading_from(client: Client, positions: Mapping[TopicPartition, int]) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of these partitions at these offsets. Raises Unavailable."""
    consumer = client.consumer()
    try:
        with explained("starting to read"):
            await start(consumer, client.patience_s)
        consumer.assign(list(positions))
        for tp, position in positions.items():
            consumer.seek(tp, position)
        yield consumer
    finally:
        await stop(consumer)


async def bounds(client: Client, tps: Iterable[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
    """Of each, the first retained record's offset, and that behind the last one, committed or not. Raises Unavailable.

    Asked over a connection of its own: on one that waits for records, the answer would come behind them.
    """
    consumer, tps = client.consumer(isolation_level="read_uncommitted"), list(tps)
    try:
        with explained("asking where the topics begin and end"):
            await start(consumer, client.patience_s)
            begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        return {tp: (begins[tp], ends[tp]) for tp in tps}
    finally:
        await stop(consumer)


async def stretch(
    client: Client, consumer: AIOKafkaConsumer, tp: TopicPartition, start: int, end: int
) -> AsyncIterator[Sequence[Any]]:
    """The committed records from offset `start` to before `end`, in bunches. Open transactions on the way are waited for.

    Raises Unavailable where nothing moves for longer than a transaction may last.
    """
    consumer.seek(tp, start)
    position, loop = start, asyncio.get_running_loop()
    moved_s = loop.time()
    while position < end:
        with explained(f"reading {tp.topic}"):
            answer = await consumer.getmany(tp, timeout_ms=_READ_MS, max_records=_READ_RECORDS)
        yield [record for record in answer.get(tp, ()) if record.offset < end]
        before, position = position, await consumer.position(tp)
        if position > before:
            moved_s = loop.time()
        elif loop.time() - moved_s > client.patience_s:
            raise Unavailable(f"reading {tp.topic}, partition {tp.partition}: nothing came for {client.patience_s:.0f} s")


async def last_of_key(client: Client, topic: Topic, partition: int, key: bytes, wanted: Callable[[bytes], bool]) -> Record | None:
    """The last record of `key` whose value is `wanted`, looked for backwards in growing steps; None where there is none.

    Raises Unavailable.
    """
    tp = client.at(topic, partition)
    begin, end = (await bounds(client, [tp]))[tp]
    async with reading_from(client, {tp: end}) as consumer:
        step = _FIRST_STEP_RECORDS
        while end > begin:
            start = max(begin, end - step)
            found = None
            async for records in stretch(client, consumer, tp, start, end):
                own = (record for record in reversed(records) if record.key == key)
                found = next((record for record in own if wanted(record.value or b"")), found)
            if found:
                return plain(found)
            end, step = start, step * _STEP_GROWTH
    return None


def plain(record: Any) -> Record:
    """A record of aiokafka's as ours: other writers may leave key or value out."""
    return Record(record.partition, record.offset, record.key or b"", record.value or b"")
