"""The consumer on Kafka: a member of a group, with a transactional producer of its own for each open partition.

The generation of the group fences no writes: the broker would accept a transaction of a stale member. So each partition has a
transactional id made of its number: opening the partition makes the broker refuse its former owner, of whatever group.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from volcast.log.contract import Commit, Fenced, Mismatch, Record, Restored, Topic
from volcast.log.traced.context import note_contexts

from .batches import fetched
from .client import KafkaClient, start, stop
from .errors import translated_errors
from .groups import check_fenced_by_group, client_id, wait_for_other_groups
from .reader import bounds, to_record
from .state import LastCandle, Marker, StoredPosition, checksum, position_lost, restore, state_records
from .writer import Writer, open_writer

_Result = TypeVar("_Result")
_COMMIT_OFFSETS_S = 1.0
_UNOPENED_PAUSE_S = 0.05
"""Without a pause, aiokafka would ask the broker for the group's offset at each poll."""
_REMEMBERED_POLLS = 3
"""The records of a commit may have come in a poll before the last one, as others are read while it waits."""
_DISPLACED_OFTEN, _DISPLACED_WITHIN_S = 3, 60.0
"""A member with a static name that the broker forgets so often has a twin. The one that came first ends, before the other has
been displaced as often.
"""


class _Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Records the assigned partitions. Its methods run in a task of aiokafka's, beside the worker's loop: they must not act,
    only take notes, which the loop acts on between two batches.
    """

    def __init__(self, consumer: AIOKafkaConsumer, instance_id: str | None) -> None:
        self.epochs: dict[int, int] = {}
        self.refusal: Mismatch | None = None
        self._consumer, self._instance_id, self._epoch = consumer, instance_id, 0
        self._displaced_s: list[float] = []

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002  # all, at each rebalance
        self.epochs = {}
        if self._instance_id and self._epoch and self._is_unknown_member() and self._was_displaced_often():
            self.refusal = Mismatch(
                f"instance_id {self._instance_id}: another consumer of this group uses it too, and each takes the place of the "
                "other; give each consumer an instance_id of its own"
            )
            await asyncio.Future()  # until this member is stopped: if it joined again, it would displace the other once more

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._epoch += 1
        self._consumer.pause(*assigned)  # until each is opened: only then is the position known
        self.epochs = {tp.partition: self._epoch for tp in assigned}

    def _is_unknown_member(self) -> bool:
        """Return whether the broker does not know this member any more: its session is over, or another one has its place."""
        return not self._consumer._coordinator.member_id  # noqa: SLF001  # there is no public one

    def _was_displaced_often(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        self._displaced_s = [at_s for at_s in self._displaced_s if now_s - at_s < _DISPLACED_WITHIN_S] + [now_s]
        return len(self._displaced_s) >= _DISPLACED_OFTEN


class KafkaConsumer:
    """A member of the consumer group. It reads only the partitions that are open."""

    def __init__(self, client: KafkaClient, group: str, instance_id: str | None, check: Callable[[], None]) -> None:
        """`check` raises Mismatch if the log can't be used any more; aiokafka would go on in silence."""
        self._client, self._group, self._check = client, group, check
        self._consumer = client.consumer(
            client_id=client_id(client),
            group_id=client.prefix + group,
            group_instance_id=instance_id,
            session_timeout_ms=client.session_timeout_ms,
            heartbeat_interval_ms=max(100, client.session_timeout_ms // 20),  # how soon a member notices a rebalance
            request_timeout_ms=5_000 + client.session_timeout_ms,  # a rebalance waits for members that long
            auto_offset_reset="none",  # a position that is gone must raise an error, not be skipped
        )
        self._assignment = _Assignment(self._consumer, instance_id)
        self._marker = Marker(uuid4().hex, client.partitions)
        self._marked: dict[int, int] = {}
        """The offset of the marker of this consumer, by open partition."""
        self._writers: dict[int, Writer] = {}
        self._reading: dict[int, int] = {}
        """The epoch in which each open partition was sought. In another epoch, the consumer's position is no longer valid."""
        self._ends = client.consumer(isolation_level="read_uncommitted")
        """Asks for ends only: a connection that waits for records would answer after that wait."""
        self._delivered: dict[int, int] = {}
        """The offset after the last record that `poll` returned, by open partition."""
        self._last: dict[int, LastCandle] = {}
        """The last candle that the last commit left, by open partition."""
        self._outputs: dict[int, dict[Topic, int]] = {}
        """An offset that a commit has written to each topic of output, by open partition."""
        self._polled: dict[int, deque[Sequence[Record]]] = defaultdict(partial(deque, maxlen=_REMEMBERED_POLLS))
        """What the latest polls returned, by open partition, for the checksum of a commit's last candle."""
        self._committed: dict[TopicPartition, int] = {}
        self._committing_offsets: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start to join the group. Raises Unavailable; Mismatch if another group consumes this log."""
        await wait_for_other_groups(self._client, self._group)
        with translated_errors("joining the group"):
            await start(self._consumer, self._client.timeout_s)
            await start(self._ends, self._client.timeout_s)
        self._consumer.subscribe([self._client.topic(Topic.CANDLES)], listener=self._assignment)
        self._committing_offsets = asyncio.create_task(self._keep_committing_offsets())

    async def stop(self) -> None:
        """Leave the group and close all open partitions."""
        if self._committing_offsets:
            self._committing_offsets.cancel()
            await asyncio.gather(self._committing_offsets, return_exceptions=True)
            await self._commit_offsets()
        await asyncio.gather(stop(self._consumer), stop(self._ends), *map(self.close, list(self._writers)))

    async def assignment(self) -> Mapping[int, int]:
        return self._assignment.epochs

    async def open(self, partition: int) -> Restored:
        await self.close(partition)
        opened = await self._fence(partition, lambda writer: restore(self._client, writer, partition, self._marker))
        self._marked[partition] = opened.marked
        if (stored := opened.stored) and stored.last:
            self._last[partition] = stored.last
        known = {Topic.SIGNALS: stored.signals, Topic.REJECTED: stored.rejected} if stored else {}
        self._outputs[partition] = {topic: offset for topic, offset in known.items() if offset is not None}
        return opened.restored

    async def _fence(self, partition: int, then: Callable[[Writer], Awaitable[_Result]]) -> _Result:
        """Fence the former owner, and return the result of `then`; the partition is open unless that fails."""
        writer = await open_writer(self._client, f"volcast-consume-{partition}")
        try:
            result = await then(writer)
        except Fenced:
            await writer.close()
            await check_fenced_by_group(self._client, self._group)
            raise
        except BaseException:
            await writer.close()
            raise
        self._writers[partition] = writer
        return result

    async def seek(self, partition: int, offset: int) -> None:
        if epoch := self._assignment.epochs.get(partition):
            self._consumer.seek(self._candles(partition), offset)
            self._consumer.resume(self._candles(partition))
            self._reading[partition], self._delivered[partition] = epoch, offset

    async def end(self, partition: int) -> int:
        tp = self._candles(partition)
        with translated_errors("asking for the end of candles"):
            end = int((await self._ends.end_offsets([tp]))[tp])
            if self._is_readable(partition) and await self._consumer.position(tp) >= end:
                return self._delivered[partition]  # what follows are markers and aborted records, which are never returned
        return end

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        self._check()
        if self._assignment.refusal:
            raise self._assignment.refusal
        reading = [self._candles(partition) for partition in self._reading if self._is_readable(partition)]
        records: dict[TopicPartition, list[Any]] = {}
        with translated_errors("reading candles"):
            try:
                async with asyncio.timeout(timeout_s + 0.1):  # during a rebalance aiokafka waits for its end
                    # Called without any partition, too: this raises errors of the group, and keeps the membership alive.
                    records = await fetched(self._consumer, *reading, timeout_ms=int(timeout_s * 1_000), max_records=max_records)
                    for tp in reading if records else ():
                        if tp not in records:
                            records |= await fetched(self._consumer, tp, max_records=max_records)
            except TimeoutError:
                pass
            except NoOffsetForPartitionError:  # a partition is assigned, and none is open yet
                await asyncio.sleep(min(timeout_s, _UNOPENED_PAUSE_S))
            except OffsetOutOfRangeError as error:
                ((tp, offset),) = error.args[0].items()
                if self._is_readable(tp.partition):
                    bounds_now = (await bounds(self._client, [tp]))[tp]
                    raise position_lost(self._client, tp.partition, offset, *bounds_now) from error
        polled = {
            tp.partition: [to_record(tp.partition, record) for record in each]
            for tp, each in records.items()
            if each and self._is_readable(tp.partition)
        }
        note_contexts(records)
        for partition, each in polled.items():
            self._delivered[partition] = each[-1].offset + 1
            self._polled[partition].append(each)
        return polled

    async def commit(self, partition: int, commit: Commit) -> None:
        if partition not in self._writers:
            raise Fenced(f"partition {partition} is not open here")
        records = {
            self._client.at(Topic.SIGNALS, partition): commit.signals,
            self._client.at(Topic.REJECTED, partition): commit.rejects,
            self._client.at(Topic.STATE, partition): state_records(self._position(partition, commit), commit.snapshots),
        }
        try:
            written = await self._writers[partition].write(records)
        except Fenced:
            await check_fenced_by_group(self._client, self._group)
            raise
        at = {topic: self._client.at(topic, partition) for topic in (Topic.SIGNALS, Topic.REJECTED)}
        self._outputs.setdefault(partition, {}).update({topic: written[tp] for topic, tp in at.items() if tp in written})
        self._committed[self._candles(partition)] = commit.position

    async def close(self, partition: int) -> None:
        if self._is_readable(partition):
            with suppress(IllegalStateError):
                self._consumer.pause(self._candles(partition))
        self._reading.pop(partition, None)
        self._last.pop(partition, None)
        self._outputs.pop(partition, None)
        self._polled.pop(partition, None)
        self._delivered.pop(partition, None)
        if writer := self._writers.pop(partition, None):
            await writer.close()

    def _position(self, partition: int, commit: Commit) -> StoredPosition:
        replay_from = commit.position if commit.replay_from is None else commit.replay_from
        offset, last = commit.position - 1, self._last.get(partition)
        for records in self._polled[partition]:
            record = records[min(bisect_left(records, offset, key=attrgetter("offset")), len(records) - 1)]
            if record.offset == offset and not record.unreadable:
                last = self._last[partition] = offset, checksum(record)
        outputs = self._outputs.get(partition, {})
        written = outputs.get(Topic.SIGNALS), outputs.get(Topic.REJECTED)
        return StoredPosition(commit.position, replay_from, last if last and last[0] == offset else None, *written)

    def _is_readable(self, partition: int) -> bool:
        """Return whether the partition is open and has been assigned to this member ever since it was sought."""
        return partition in self._reading and self._assignment.epochs.get(partition) == self._reading[partition]

    async def _keep_committing_offsets(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_OFFSETS_S)
            await self._commit_offsets()

    async def _commit_offsets(self) -> None:
        """Commit the group's offsets. They are for displays of the lag only: what counts is the position in the state."""
        offsets = {tp: position for tp, position in self._committed.items() if tp.partition in self._assignment.epochs}
        self._committed.clear()
        if offsets:
            with suppress(KafkaError, OSError):
                async with asyncio.timeout(_COMMIT_OFFSETS_S):
                    await self._consumer.commit(offsets)

    def _candles(self, partition: int) -> TopicPartition:
        return self._client.at(Topic.CANDLES, partition)
