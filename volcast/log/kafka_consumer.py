"""The consumer's end on Kafka: the group gives partitions; each is opened, and committed by a producer of its own.

The group's generation fences nobody who writes: a stale member's transaction would be taken. So each partition has a
transactional id, made of its number: opening it makes the broker refuse whoever held it before.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from .contract import Commit, KeyValue, Mismatch, Record, Restored, Topic, Unavailable
from .kafka_client import ANSWER_TIMEOUT_S, Client, explained
from .kafka_reader import assigned
from .kafka_writer import Writer

_POSITION = b"@position"
_EPOCH = b"@epoch"
_READ_RECORDS = 1_000
_log = logging.getLogger(__name__)


class _Given(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Runs in a task of aiokafka's, beside the worker's loop: it takes notes, and the loop acts on them between two batches."""

    def __init__(self) -> None:
        self.epochs: dict[int, int] = {}
        self._epoch = 0

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        for tp in revoked:
            self.epochs.pop(tp.partition, None)

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._epoch += 1
        for tp in assigned:
            self.epochs[tp.partition] = self._epoch


@dataclass(slots=True)
class _Open:
    writer: Writer
    epoch: int | None


class KafkaConsumer:
    """A member of the group. Partitions that are not open are never polled."""

    def __init__(self, client: Client, group: str, consumer: AIOKafkaConsumer) -> None:
        self._client, self._group, self._consumer = client, group, consumer
        self._given = _Given()
        self._open: dict[int, _Open] = {}
        self._lag_display: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join the group: it may have to wait until a dead member's session is over. Raises Unavailable."""
        self._consumer.subscribe([self._client.topic(Topic.CANDLES)], listener=self._given)
        with explained("joining the group"):
            await asyncio.wait_for(self._consumer.start(), ANSWER_TIMEOUT_S + self._client.session_timeout_ms / 1_000)

    async def assignment(self) -> Mapping[int, int]:
        return dict(self._given.epochs)

    async def open(self, partition: int) -> Restored:
        await self.close(partition)
        epoch = self._given.epochs.get(partition)
        writer = await Writer.open(self._client, f"volcast-{self._group}-{partition}")
        self._open[partition] = _Open(writer, epoch)
        try:
            restored = await self._restore(partition, writer)
            self._seek(partition, restored.position)
        except BaseException:
            await self.close(partition)
            raise
        return restored

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        held = [p for p, state in self._open.items() if state.epoch is not None and self._given.epochs.get(p) == state.epoch]
        if not held:
            await asyncio.sleep(min(timeout_s, 0.05))
            return {}
        try:
            with explained("reading candles"):
                tps = [self._candles(partition) for partition in held]
                answer = await self._consumer.getmany(*tps, timeout_ms=int(timeout_s * 1_000), max_records=max_records)
        except IllegalStateError:  # a rebalance came in between: the next look at the assignment tells
            return {}
        return {
            tp.partition: [Record(tp.partition, r.offset, r.key or b"", r.value or b"") for r in records]
            for tp, records in answer.items()
            if records and self._given.epochs.get(tp.partition) == self._open[tp.partition].epoch
        }

    async def commit(self, partition: int, commit: Commit) -> None:
        topic = self._client.topic
        position = KeyValue(_POSITION, str(commit.position).encode())
        await self._open[partition].writer.write(
            {
                (topic(Topic.SIGNALS), partition): commit.signals,
                (topic(Topic.REJECTED), partition): commit.rejects,
                (topic(Topic.STATE), partition): [*commit.snapshots, position],
            }
        )
        if self._lag_display is None or self._lag_display.done():
            self._lag_display = asyncio.create_task(self._tell_group(partition, commit.position))

    async def close(self, partition: int) -> None:
        if state := self._open.pop(partition, None):
            await state.writer.close()

    async def close_all(self) -> None:
        """All partitions, and what still runs."""
        if self._lag_display:
            self._lag_display.cancel()
            await asyncio.wait([self._lag_display])
        for partition in list(self._open):
            await self.close(partition)

    async def _restore(self, partition: int, writer: Writer) -> Restored:
        """The last value of each key. A marker of our own tells where the state ends: former owners can't write behind it."""
        topic, marker = self._client.topic(Topic.STATE), uuid4().bytes
        await writer.write({(topic, partition): [KeyValue(_EPOCH, marker)]})
        state: dict[bytes, bytes] = {}
        async with assigned(self._client, topic, [partition]) as consumer:
            tp = TopicPartition(topic, partition)
            consumer.seek(tp, (await consumer.beginning_offsets([tp]))[tp])
            while state.get(_EPOCH) != marker:
                answer = await consumer.getmany(tp, timeout_ms=int(ANSWER_TIMEOUT_S * 1_000), max_records=_READ_RECORDS)
                if not answer:
                    raise Unavailable(f"{topic}, partition {partition}: no answer in {ANSWER_TIMEOUT_S:.0f} s")
                state.update((record.key, record.value) for record in answer[tp])
        candles = self._candles(partition)
        with explained("looking at the ends of candles"):
            begin = (await self._consumer.beginning_offsets([candles]))[candles]
            end = (await self._consumer.end_offsets([candles]))[candles]
        position = int(state.get(_POSITION, begin))
        if not begin <= position <= end:
            raise Mismatch(
                f"{candles.topic}, partition {partition}: the state goes on at {position}, the log holds {begin} to {end}: "
                "it was recreated, or the consumer was away for longer than it keeps candles; "
                "choose another topic_prefix to begin anew"
            )
        snapshots = {key: value for key, value in state.items() if key not in (_POSITION, _EPOCH) and value}
        return Restored(position, snapshots)

    def _seek(self, partition: int, position: int) -> None:
        try:
            self._consumer.seek(self._candles(partition), position)
        except IllegalStateError:  # no longer, or not, given to this member: then it is not polled either
            self._open[partition].epoch = None

    async def _tell_group(self, partition: int, position: int) -> None:
        """For lag displays only; the truth is the position in the state."""
        try:
            await self._consumer.commit({self._candles(partition): OffsetAndMetadata(position, "")})
        except (KafkaError, OSError) as error:
            _log.debug("the group's offset was not told: %r", error, extra={"partition": partition})

    def _candles(self, partition: int) -> TopicPartition:
        return TopicPartition(self._client.topic(Topic.CANDLES), partition)
