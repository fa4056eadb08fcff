"""Reads partitions without a consumer group: all of a topic as it grows, or a range of offsets of one partition.

The end of a partition is its high watermark, not the last stable offset: a transaction whose commit has been answered may still
wait for its marker, or for an open transaction of another producer before it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from volcast.log.contract import Mismatch, Record, Topic, Unavailable
from volcast.log.traced.context import note_contexts

from .batches import fetched, unreadable
from .client import KafkaClient, start, stop
from .errors import translated_errors

_FIRST_STEP_RECORDS = 1_000
_STEP_GROWTH = 4
_MAX_STEP_RECORDS = 64_000
"""A bound on what a search for a key holds in memory: the records of one key in so many."""
_READ_RECORDS = 10_000
_IDLE_FETCH_MS = 500
"""How long the broker may wait for a record before it answers a reader that has read all: each answer costs CPU time, and until
the answer the broker does not end a TLS connection."""
_READ_MS = 200


class KafkaReader:
    """Reads all partitions of a topic, each from its position in `positions` on, which `consumer` has."""

    def __init__(
        self,
        client: KafkaClient,
        consumer: AIOKafkaConsumer,
        topic: str,
        positions: Mapping[TopicPartition, int],
        *,
        ends: Mapping[TopicPartition, int],
        check: Callable[[], None],
    ) -> None:
        """`ends` are the high watermarks at the start. `check` raises Mismatch if the log can't be used any more; aiokafka would
        go on in silence.
        """
        self._client, self._consumer, self._topic, self._check = client, consumer, topic, check
        self._positions = dict(positions)
        self._ends = {tp: end for tp, end in ends.items() if positions[tp] < end}
        self._reached: dict[TopicPartition, int] = {}
        """The offset of the last record that was returned, by partition."""

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        self._check()
        with translated_errors(f"reading {self._topic}"):
            batches = await fetched(self._consumer, timeout_ms=int(timeout_s * 1_000), max_records=max_records)
        note_contexts(batches)
        for tp, records in batches.items():
            if not records:
                continue
            if records[0].offset <= self._reached.get(tp, -1):
                raise Mismatch(
                    f"{self._topic}, partition {tp.partition}: its offsets went back from {self._reached[tp]} to "
                    f"{records[0].offset}: the topic was deleted and created anew; start again to read the new one"
                )
            self._reached[tp] = records[-1].offset
        # The marker of a transaction is a record that is never returned: the position passes it in a later read.
        self._positions = {tp: await self._consumer.position(tp) for tp in self._positions}
        self._ends = {tp: end for tp, end in self._ends.items() if self._positions[tp] < end}
        return [to_record(tp.partition, record) for tp, records in batches.items() for record in records]

    @property
    def caught_up(self) -> bool:
        return not self._ends

    @property
    def positions(self) -> Mapping[int, int]:
        return {tp.partition: position for tp, position in self._positions.items()}

    async def begins(self) -> Mapping[int, int]:
        self._check()
        return {tp.partition: begin for tp, (begin, _) in (await bounds(self._client, self._positions)).items()}

    async def ends(self) -> Mapping[int, int]:
        self._check()
        return {tp.partition: end for tp, (_, end) in (await bounds(self._client, self._positions)).items()}


@asynccontextmanager
async def reader(
    client: KafkaClient, topic: Topic, check: Callable[[], None], start: Mapping[int, int]
) -> AsyncIterator[KafkaReader]:
    """Open a reader of all partitions of a topic, from the first retained record or the offset in `start` on.

    Each read calls `check` first. Raises Mismatch if a partition ends before its offset in `start`.
    """
    found = await bounds(client, [client.at(topic, partition) for partition in range(client.partitions)])
    for tp, (_, end) in found.items():
        if start.get(tp.partition, 0) > end:
            raise Mismatch(
                f"{tp.topic}, partition {tp.partition}: reading was to go on at {start[tp.partition]}, but it ends at {end}: the "
                "topic was deleted and created anew, or belongs to another log"
            )
    positions = {tp: max(begin, start.get(tp.partition, 0)) for tp, (begin, _) in found.items()}
    async with reading_from(client, positions, fetch_max_wait_ms=_IDLE_FETCH_MS) as consumer:
        ends = {tp: end for tp, (_, end) in found.items()}
        yield KafkaReader(client, consumer, client.topic(topic), positions, ends=ends, check=check)


@asynccontextmanager
async def reading_from(
    client: KafkaClient, positions: Mapping[TopicPartition, int], **options: Any
) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer of these partitions, positioned at these offsets, with more of aiokafka's options. Raises Unavailable."""
    consumer = client.consumer(**options)
    try:
        with translated_errors("starting to read"):
            await start(consumer, client.timeout_s)
        consumer.assign(list(positions))
        for tp, position in positions.items():
            consumer.seek(tp, position)
        yield consumer
    finally:
        await stop(consumer)


async def bounds(client: KafkaClient, tps: Iterable[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
    """Return, for each partition, the offset of the first retained record and the offset after the last one, committed or not.

    Raises Unavailable. Uses a connection of its own: on a connection that waits for records, the broker would answer only after
    that wait.
    """
    consumer, tps = client.consumer(isolation_level="read_uncommitted"), list(tps)
    try:
        with translated_errors("asking for the first and last offsets of the topics"):
            await start(consumer, client.timeout_s)
            begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        return {tp: (begins[tp], ends[tp]) for tp in tps}
    finally:
        await stop(consumer)


async def read_range(
    client: KafkaClient, consumer: AIOKafkaConsumer, tp: TopicPartition, start: int, end: int
) -> AsyncIterator[Sequence[Any]]:
    """Yield the committed records with offsets in [start, end), in batches. Waits for open transactions in that range.

    Raises Unavailable if the position does not advance for longer than a transaction may last.
    """
    consumer.seek(tp, start)
    position, loop = start, asyncio.get_running_loop()
    advanced_s = loop.time()
    while position < end:
        with translated_errors(f"reading {tp.topic}"):
            batches = await fetched(consumer, tp, timeout_ms=_READ_MS, max_records=_READ_RECORDS)
        yield [record for record in batches.get(tp, ()) if record.offset < end]
        before, position = position, await consumer.position(tp)
        if position > before:
            advanced_s = loop.time()
        elif loop.time() - advanced_s > client.timeout_s:
            raise Unavailable(f"reading {tp.topic}, partition {tp.partition}: no records came for {client.timeout_s:.0f} s")


async def last_of_key(
    client: KafkaClient, topic: Topic, partition: int, key: bytes, matches: Callable[[bytes], bool]
) -> Record | None:
    """Return the last record of `key` whose value satisfies `matches`, or None.

    `matches` sees the values of the key newest first, each once, and none after the one that it accepts: a range of offsets comes
    in several batches, so all of them are read before the first value is shown. Raises Unavailable.
    """
    async with aclosing(_backwards(client, topic, partition, key)) as records:
        async for record in records:
            if not record.unreadable and matches(record.value):
                return record
    return None


async def latest_of_key(client: KafkaClient, topic: Topic, partition: int, key: bytes, count: int) -> Sequence[Record]:
    """Return the last `count` records of `key` and those that can't be read, oldest first. Raises Unavailable."""
    found: list[Record] = []
    async with aclosing(_backwards(client, topic, partition, key)) as records:
        async for record in records:
            found.append(record)
            if len(found) == count:
                break
    return found[::-1]


async def _backwards(client: KafkaClient, topic: Topic, partition: int, key: bytes) -> AsyncGenerator[Record, None]:
    """Yield the records of `key` and those that can't be read, the newest first. Searches backwards in growing steps."""
    tp = client.at(topic, partition)
    begin, end = (await bounds(client, [tp]))[tp]
    async with reading_from(client, {tp: end}) as consumer:
        step = _FIRST_STEP_RECORDS
        while end > begin:
            start = max(begin, end - step)
            batches = read_range(client, consumer, tp, start, end)
            own = [
                to_record(partition, each) async for records in batches for each in records if each.key == key or unreadable(each)
            ]
            for record in reversed(own):
                yield record
            end, step = start, min(step * _STEP_GROWTH, _MAX_STEP_RECORDS)


def to_record(partition: int, record: Any) -> Record:
    """Convert a record that aiokafka decoded, or a stand-in for records that can't be read.

    A missing key or value, as other writers may leave it, becomes empty bytes.
    """
    why = unreadable(record) if record.headers else ""
    return Record(partition, record.offset, record.key or b"", record.value or b"", why)
