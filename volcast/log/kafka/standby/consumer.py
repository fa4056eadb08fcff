"""A member of the consumer group that also follows the partitions of others.

The group only says who should own a partition. All candles are read by a consumer of its own, without the group, so that nothing
stops while the group is rebalancing; the same one reads the state of all partitions as it grows. A task takes what it delivers
into a `PartitionTail` for each partition.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, OffsetOutOfRangeError

from volcast.log.contract import Commit, Fenced, LogError, Mismatch, Record, Restored, Topic, Unavailable
from volcast.log.kafka.batches import fetched
from volcast.log.kafka.client import KafkaClient, start, stop
from volcast.log.kafka.consumer import KafkaConsumer
from volcast.log.kafka.errors import translated_errors
from volcast.log.kafka.reader import bounds, to_record
from volcast.log.kafka.state import Marker, checksum, position_lost, read_state, restored_from_state, write_marker
from volcast.log.standby import Followed, Owner

from .liveness import LivenessServer, LivenessWatch, own_host
from .tail import Opening, PartitionTail

_MAX_CANDLES = 20_000
"""Candles of a partition that wait; while there are more, no further ones are read."""
_FETCH_RECORDS = 2_000
_FETCH_MS = 500
_MEMBER_S = 0.5


class KafkaStandbyConsumer(KafkaConsumer):
    """A consumer that follows. A partition is held (open), or followed, or neither."""

    def __init__(self, client: KafkaClient, group: str, instance_id: str | None, check: Callable[[], None]) -> None:
        super().__init__(client, group, instance_id, check)
        self.partitions = client.partitions
        self._reader = client.consumer(auto_offset_reset="none")
        self._tails: dict[int, PartitionTail] = {}
        self._followed: dict[int, int] = {}
        """By followed partition, the position of the last commit that was returned."""
        self._paused: set[TopicPartition] = set()
        self._seeks: dict[TopicPartition, int] = {}
        """How often the place was changed from which candles are read."""
        self._news = asyncio.Condition()
        self._failure: LogError | None = None
        self._liveness: LivenessServer | None = None
        self._watches: dict[str, LivenessWatch] = {}
        """By the unique name of an owner."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await super().start()
        with translated_errors("starting to follow"):
            host = await own_host(self._client.bootstrap)
            self._liveness = LivenessServer(self._marker.unique, host)
            self._marker = msgspec.structs.replace(self._marker, address=self._liveness.address)
            await start(self._reader, self._client.timeout_s)
            tps = [tp for partition in range(self.partitions) for tp in (self._candles(partition), self._state(partition))]
            found = await bounds(self._client, tps)
            self._reader.assign(tps)
            for tp, (_, end) in found.items():
                self._reader.seek(tp, end)
        for partition in range(self.partitions):
            self._pause(self._candles(partition))
            self._tails[partition] = PartitionTail(found[self._state(partition)][1])
        self._tasks = [asyncio.create_task(self._keep(self._pump)), asyncio.create_task(self._keep(self._stay_member))]

    async def stop(self) -> None:
        """Tell standbys that this process ends, leave the group, and close everything."""
        if self._liveness:
            await asyncio.to_thread(self._liveness.close)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(watch.close() for watch in self._watches.values()), return_exceptions=True)
        await asyncio.gather(super().stop(), stop(self._reader))

    def owner(self, partition: int) -> Owner:
        tail = self._tails[partition]
        if tail.opening is None:
            return Owner.ALIVE
        unique = tail.opening.marker.unique
        if unique == self._marker.unique:
            return Owner.SELF if partition in self._writers else Owner.GONE
        watch = self._watches.get(unique)
        return Owner.GONE if not unique or (watch and watch.gone) else Owner.ALIVE

    async def open(self, partition: int) -> Restored:
        self.unfollow(partition)
        restored = await super().open(partition)
        self._tails[partition].note_opening(Opening(self._marked[partition], self._marker))
        return restored

    async def follow(self, partition: int) -> Restored:
        self.unfollow(partition)
        tail = self._tails[partition]
        tail.begin()
        state, markers, end = await read_state(self._client, self._state(partition), None)
        restored = await restored_from_state(self._client, partition, state)
        if any(each.partitions != self.partitions for each in markers):
            raise Mismatch(f"{self._state(partition).topic}: it was made with another number of partitions")
        tail.skip(end)
        tail.note_opening(Opening(-1, markers[-1] if markers else Marker("", self.partitions)))
        self._watch()
        self._followed[partition] = restored.position
        return restored

    def unfollow(self, partition: int) -> None:
        self._followed.pop(partition, None)
        if partition in self._tails:
            self._tails[partition].end()
            if partition not in self._writers:
                self._stop_reading(partition)

    async def seek(self, partition: int, offset: int) -> None:
        tail, tp = self._tails[partition], self._candles(partition)
        if not tail.seek(offset):
            self._reader.seek(tp, offset)
            self._seeks[tp] = self._seeks.get(tp, 0) + 1
        self._resume(tp)
        self._delivered[partition] = offset

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        self._raise_failure()
        if not self._has_news():
            await self._wait(self._has_news, timeout_s)
            self._raise_failure()
        polled = {partition: self._take_candles(partition, max_records) for partition in self._writers}
        return {partition: records for partition, records in polled.items() if records}

    async def poll_followed(self, max_records: int) -> Mapping[int, Followed]:
        self._raise_failure()
        found = {partition: self._take_followed(partition, max_records) for partition in list(self._followed)}
        return {partition: each for partition, each in found.items() if each.commits or each.candles}

    async def take_over(self, partition: int) -> Followed:
        if partition not in self._followed:
            raise Fenced(f"partition {partition} is not followed here")
        tail = self._tails[partition]
        self._marked[partition] = await self._fence(
            partition, lambda writer: write_marker(self._client, writer, partition, self._marker)
        )
        tail.note_opening(Opening(self._marked[partition], self._marker))
        try:
            await self._until(lambda: tail.state_offset > self._marked[partition], partition)
            commits = tail.take_commits()
            position = commits[-1].position if commits else self._followed[partition]
            await self._until(lambda: tail.next_offset >= position, partition)
        finally:
            self._followed.pop(partition, None)
            tail.end()
        if tail.opening and tail.opening.marker.unique != self._marker.unique:
            raise Fenced(f"partition {partition} was opened by another consumer at the same time")
        return Followed(self._take_candles(partition, len(tail.candles), position), commits)

    async def end(self, partition: int) -> int:
        tp = self._candles(partition)
        with translated_errors("asking for the end of candles"):
            end = int((await self._ends.end_offsets([tp]))[tp])
            if not self._tails[partition].candles and await self._reader.position(tp) >= end:
                return self._delivered.get(partition, end)
        return end

    async def commit(self, partition: int, commit: Commit) -> None:
        try:
            await super().commit(partition, commit)
        except Fenced:
            tail = self._tails[partition]
            if tail.opening and tail.opening.marker.unique == self._marker.unique:  # the marker of the new owner is on its way
                tail.opening = Opening(tail.opening.offset, Marker("?", self.partitions))
            raise

    async def close(self, partition: int) -> None:
        self._delivered.pop(partition, None)
        await super().close(partition)
        if partition not in self._followed and partition in self._tails:
            self._stop_reading(partition)

    def _take_followed(self, partition: int, max_records: int) -> Followed:
        commits = self._tails[partition].take_commits()
        if commits:
            self._followed[partition] = commits[-1].position
        return Followed(self._take_candles(partition, max_records, self._followed[partition]), commits)

    def _take_candles(self, partition: int, max_records: int, below: int | None = None) -> list[Record]:
        tail, tp = self._tails[partition], self._candles(partition)
        taken = tail.take_candles(max_records, below)
        if taken:
            self._delivered[partition] = taken[-1].offset + 1
            self._last.pop(partition, None)
            if not taken[-1].unreadable:
                self._last[partition] = (taken[-1].offset, checksum(taken[-1]))
            if tp in self._paused and len(tail.candles) < _MAX_CANDLES // 2:
                self._resume(tp)
        return taken

    def _has_news(self) -> bool:
        if self._failure or any(self._tails[partition].candles for partition in self._writers):
            return True
        return any(self._tails[p].has_commits or self._tails[p].has_below(position) for p, position in self._followed.items())

    async def _pump(self) -> None:
        """Take what has come into the tails."""
        seeks = dict(self._seeks)
        with translated_errors("reading candles and state"):
            try:
                found = await fetched(self._reader, timeout_ms=_FETCH_MS, max_records=_FETCH_RECORDS)
            except OffsetOutOfRangeError as error:
                ((tp, offset),) = error.args[0].items()
                if tp.partition in self._writers or tp == self._state(tp.partition):
                    raise position_lost(self._client, tp.partition, offset, *(await bounds(self._client, [tp]))[tp]) from error
                behind = f"{tp.topic}, partition {tp.partition}: retention has deleted the candles from {offset} on"
                raise Unavailable(f"{behind} before this standby had read them: it begins anew from the state") from error
        for tp, records in found.items():
            tail = self._tails[tp.partition]
            if tp == self._state(tp.partition):
                tail.add_state([to_record(tp.partition, each) for each in records])
            elif self._seeks.get(tp) != seeks.get(tp):
                self._reader.seek(tp, tail.next_offset)  # some of these were read from the former place
            elif tail.candles_from >= 0:
                tail.candles.extend(to_record(tp.partition, each) for each in records)
                if len(tail.candles) > _MAX_CANDLES:
                    self._pause(tp)
        if found:
            self._watch()
            await self._notify()

    async def _stay_member(self) -> None:
        """Call the group's consumer regularly: this raises the group's errors, and keeps the membership alive."""
        await super().poll(1, _MEMBER_S)

    async def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Repeat `work` until it fails; `poll` raises the failure."""
        try:
            while True:
                await work()
        except LogError as error:
            self._failure = error
            await self._notify()

    def _raise_failure(self) -> None:
        self._check()
        if self._failure:
            raise self._failure

    def _watch(self) -> None:
        """Watch the present owners that say where they can be reached, and no others."""
        owners = {
            tail.opening.marker.unique: tail.opening.marker.address
            for tail in self._tails.values()
            if tail.opening and tail.opening.marker.address and tail.opening.marker.unique != self._marker.unique
        }
        for unique in [each for each in self._watches if each not in owners]:
            self._tasks.append(asyncio.create_task(self._watches.pop(unique).close()))
        for unique, address in owners.items():
            if unique not in self._watches:
                self._watches[unique] = LivenessWatch(unique, address, self._notify_soon)

    def _notify_soon(self) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(self._notify()))

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _wait(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Wait for the next news, or for the timeout; an owner that is gone is news, too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._news:
                if not condition():
                    await self._news.wait()

    async def _until(self, condition: Callable[[], bool], partition: int) -> None:
        """Wait until what was written has been read. Raises Unavailable."""
        deadline_s = asyncio.get_running_loop().time() + self._client.timeout_s
        while not condition():
            self._raise_failure()
            if asyncio.get_running_loop().time() > deadline_s:
                raise Unavailable(f"partition {partition}: its last commits did not come for {self._client.timeout_s:.0f} s")
            await self._wait(condition, self._client.timeout_s)

    def _stop_reading(self, partition: int) -> None:
        self._tails[partition].forget_candles()
        self._pause(self._candles(partition))

    def _pause(self, tp: TopicPartition) -> None:
        self._paused.add(tp)
        with suppress(IllegalStateError):
            self._reader.pause(tp)

    def _resume(self, tp: TopicPartition) -> None:
        self._paused.discard(tp)
        self._reader.resume(tp)

    def _state(self, partition: int) -> TopicPartition:
        return self._client.at(Topic.STATE, partition)
