"""The consumer's end on Kafka: the group gives partitions; each is opened, and committed by a producer of its own.

The group's generation fences nobody who writes: a stale member's transaction would be taken. So each partition has a
transactional id, made of its number: opening it makes the broker refuse whoever held it before, of whatever group.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from volcast.log.contract import Commit, Fenced, Record, Restored, Topic

from .client import Client, explained, start, stop
from .reader import bounds, plain
from .state import LastCandle, StoredPosition, checksum, lost, restore, state_records
from .writer import Writer, open_writer

_TELL_GROUP_S = 1.0


class _Given(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Runs in a task of aiokafka's, beside the worker's loop: it takes notes, and the loop acts on them between two batches."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.epochs: dict[int, int] = {}
        self._consumer, self._epoch = consumer, 0

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002  # all, at each rebalance
        self.epochs = {}

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._epoch += 1
        self._consumer.pause(*assigned)  # until they are opened: only then is it known where to read
        self.epochs = {tp.partition: self._epoch for tp in assigned}


class KafkaConsumer:
    """A member of the group. Partitions that are not open are never read."""

    def __init__(self, client: Client, group: str, instance_id: str | None) -> None:
        self._client = client
        self._consumer = client.consumer(
            group_id=client.prefix + group,
            group_instance_id=instance_id,
            session_timeout_ms=client.session_timeout_ms,
            heartbeat_interval_ms=max(100, client.session_timeout_ms // 20),  # how soon a member hears of a rebalance
            request_timeout_ms=5_000 + client.session_timeout_ms,  # a rebalance waits for members that long
            auto_offset_reset="none",  # a lost position must be heard of, not skipped
        )
        self._given = _Given(self._consumer)
        self._writers: dict[int, Writer] = {}
        self._reading: dict[int, int] = {}
        """The epoch in which each open partition was sought; from another one on, its position is not ours."""
        self._last: dict[int, LastCandle] = {}
        """That the worker was given, or that the last commit left, by open partition."""
        self._committed: dict[TopicPartition, int] = {}
        self._telling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to join the group. Raises Unavailable."""
        with explained("joining the group"):
            await start(self._consumer, self._client.patience_s)
        self._consumer.subscribe([self._client.topic(Topic.CANDLES)], listener=self._given)
        self._telling = asyncio.create_task(self._keep_telling_group())

    async def stop(self) -> None:
        """Leave the group, close all that is open."""
        if self._telling:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
            await self._tell_group()
        await asyncio.gather(stop(self._consumer), *map(self.close, list(self._writers)))

    async def assignment(self) -> Mapping[int, int]:
        return self._given.epochs

    async def open(self, partition: int) -> Restored:
        await self.close(partition)
        writer = await open_writer(self._client, f"volcast-consume-{partition}")
        try:
            restored, last = await restore(self._client, writer, partition)
        except BaseException:
            await writer.close()
            raise
        self._writers[partition] = writer
        if last:
            self._last[partition] = last
        return restored

    async def seek(self, partition: int, offset: int) -> None:
        if epoch := self._given.epochs.get(partition):
            self._consumer.seek(self._candles(partition), offset)
            self._consumer.resume(self._candles(partition))
            self._reading[partition] = epoch

    async def end(self, partition: int) -> int:
        tp = self._candles(partition)
        with explained("asking where candles end"):
            return int((await self._consumer.end_offsets([tp]))[tp])

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        wanted = [self._candles(partition) for partition in self._reading if self._is_ours(partition)]
        records: dict[TopicPartition, Sequence[object]] = {}
        with explained("reading candles"):
            try:
                async with asyncio.timeout(timeout_s + 0.1):  # in a rebalance aiokafka waits for its end
                    # Without any partition, too: it is here that errors of the group come to light, and that it sees us alive.
                    records = await self._consumer.getmany(*wanted, timeout_ms=int(timeout_s * 1_000), max_records=max_records)
                    for tp in wanted if records else ():
                        if tp not in records:
                            records |= await self._consumer.getmany(tp, max_records=max_records)
            except TimeoutError:
                pass
            except NoOffsetForPartitionError:
                pass  # of one that has just been given and is not open yet
            except OffsetOutOfRangeError as error:
                ((tp, offset),) = error.args[0].items()
                if self._is_ours(tp.partition):
                    raise lost(self._client, tp.partition, offset, *(await bounds(self._client, [tp]))[tp]) from error
        given = {tp.partition: [plain(r) for r in each] for tp, each in records.items() if each and self._is_ours(tp.partition)}
        self._last |= {partition: (each[-1].offset, checksum(each[-1])) for partition, each in given.items()}
        return given

    async def commit(self, partition: int, commit: Commit) -> None:
        if partition not in self._writers:
            raise Fenced(f"partition {partition} is not open here")
        await self._writers[partition].write(
            {
                self._client.at(Topic.SIGNALS, partition): commit.signals,
                self._client.at(Topic.REJECTED, partition): commit.rejects,
                self._client.at(Topic.STATE, partition): state_records(self._position(partition, commit), commit.snapshots),
            }
        )
        self._committed[self._candles(partition)] = commit.position

    async def close(self, partition: int) -> None:
        if self._is_ours(partition):
            with suppress(IllegalStateError):
                self._consumer.pause(self._candles(partition))
        self._reading.pop(partition, None)
        self._last.pop(partition, None)
        if writer := self._writers.pop(partition, None):
            await writer.close()

    def _position(self, partition: int, commit: Commit) -> StoredPosition:
        replay_from = commit.position if commit.replay_from is None else commit.replay_from
        last = self._last.get(partition)
        return StoredPosition(commit.position, replay_from, last if last and last[0] == commit.position - 1 else None)

    def _is_ours(self, partition: int) -> bool:
        """Open, and in the group's hands ours ever since."""
        return partition in self._reading and self._given.epochs.get(partition) == self._reading[partition]

    async def _keep_telling_group(self) -> None:
        while True:
            await asyncio.sleep(_TELL_GROUP_S)
            await self._tell_group()

    async def _tell_group(self) -> None:
        """Commit the group's offsets, for lag displays only: the truth is the position in the state."""
        offsets = {tp: position for tp, position in self._committed.items() if tp.partition in self._given.epochs}
        self._committed.clear()
        if offsets:
            with suppress(KafkaError, OSError):
                async with asyncio.timeout(_TELL_GROUP_S):
                    await self._consumer.commit(offsets)

    def _candles(self, partition: int) -> TopicPartition:
        return self._client.at(Topic.CANDLES, partition)
