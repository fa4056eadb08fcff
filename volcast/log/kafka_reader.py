"""Reading partitions without a group: a whole topic as it grows, or a partition's past."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from .contract import Record, Topic, Unavailable
from .kafka_client import ANSWER_TIMEOUT_S, Client, explained, stop

_FIRST_STEP_RECORDS = 1_000
_STEP_GROWTH = 4
_READ_RECORDS = 1_000
_LOOK_AGAIN_S = 0.02


@asynccontextmanager
async def assigned(client: Client, topic: str, partitions: Sequence[int]) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer that is assigned these partitions; its positions are to be sought."""
    consumer = client.consumer()
    try:
        with explained(f"reading {topic}"):
            await asyncio.wait_for(consumer.start(), ANSWER_TIMEOUT_S)
            consumer.assign([TopicPartition(topic, partition) for partition in partitions])
            yield consumer
    finally:
        await stop(consumer)


class KafkaReader:
    """All partitions of a topic, from the first retained record on."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, ends: dict[TopicPartition, int]) -> None:
        self._consumer, self._topic, self._ends = consumer, topic, ends

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        with explained(f"reading {self._topic}"):
            answer = await self._consumer.getmany(timeout_ms=int(timeout_s * 1_000), max_records=max_records)
            for tp, end in list(self._ends.items()):
                # Transactions' markers are records nobody is given: the position passes them, after one more look.
                if await self._consumer.position(tp) >= end:
                    del self._ends[tp]
        return [Record(tp.partition, r.offset, r.key or b"", r.value or b"") for tp, records in answer.items() for r in records]

    @property
    def caught_up(self) -> bool:
        return not self._ends


@asynccontextmanager
async def reader(client: Client, topic: Topic, partitions: int) -> AsyncIterator[KafkaReader]:
    """From the first retained record on."""
    name = client.topic(topic)
    async with assigned(client, name, range(partitions)) as consumer:
        tps = [TopicPartition(name, partition) for partition in range(partitions)]
        with explained(f"reading {name}"):
            begins, ends = await consumer.beginning_offsets(tps), await _written_ends(client, tps)
        for tp in tps:
            consumer.seek(tp, begins[tp])
        yield KafkaReader(consumer, name, {tp: end for tp, end in ends.items() if end > begins[tp]})


async def last_of_key(client: Client, topic: str, partition: int, key: bytes) -> Record | None:
    """The last committed record of `key`, looked for backwards in growing steps; None where there is none.

    Others' open transactions hide what was committed after their beginning: waits until all that is there now can be seen.
    """
    async with assigned(client, topic, [partition]) as consumer:
        tp = TopicPartition(topic, partition)
        begin = (await consumer.beginning_offsets([tp]))[tp]
        end = await _visible_end(client, consumer, tp)
        step = _FIRST_STEP_RECORDS
        while end > begin:
            start = max(begin, end - step)
            if found := await _last_between(consumer, tp, start, end, key):
                return found
            end, step = start, step * _STEP_GROWTH
    return None


async def _written_ends(client: Client, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """The partitions' ends, with what committed readers can't see yet.

    A commit's answer comes before its markers are in the partitions: what was committed a moment ago lies behind the end that a
    committed reader is told.
    """
    everything = AIOKafkaConsumer(**client.connection(), enable_auto_commit=False)
    try:
        await asyncio.wait_for(everything.start(), ANSWER_TIMEOUT_S)
        ends: dict[TopicPartition, int] = await everything.end_offsets(tps)
    finally:
        await stop(everything)
    return ends


async def _visible_end(client: Client, consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    """The partition's end, once committed readers may see all that lies before it."""
    end = (await _written_ends(client, [tp]))[tp]
    for _ in range(int((client.session_timeout_ms / 1_000 + ANSWER_TIMEOUT_S) / _LOOK_AGAIN_S)):
        if (await consumer.end_offsets([tp]))[tp] >= end:
            return end
        await asyncio.sleep(_LOOK_AGAIN_S)
    raise Unavailable(f"a transaction on {tp.topic} stays open")


async def _last_between(consumer: AIOKafkaConsumer, tp: TopicPartition, start: int, end: int, key: bytes) -> Record | None:
    consumer.seek(tp, start)
    found = None
    while await consumer.position(tp) < end:
        answer = await asyncio.wait_for(consumer.getmany(tp, timeout_ms=500, max_records=_READ_RECORDS), ANSWER_TIMEOUT_S)
        for record in answer.get(tp, ()):
            if record.offset < end and record.key == key:
                found = Record(tp.partition, record.offset, record.key, record.value or b"")
    return found
