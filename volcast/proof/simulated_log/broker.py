"""The data of the simulated log, and the guarantees that it gives. Each method takes effect at once; callers wait in between.

The owner of a partition writes in transactions, under the epoch that it got when it fenced all earlier owners.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from zlib import crc32

from volcast.log.contract import Commit, Fenced, KeyValue, Record, Restored, Topic
from volcast.log.standby import FollowedCommit

from .group import Member

Trace = list[tuple[object, ...]]
"""Every fault and every write that became visible, in order."""


class Guarantee(StrEnum):
    """The guarantees on which exactly-once rests. Tests take each one away, to check that the proof notices."""

    TRANSACTION = "transaction"
    """A commit's writes become visible together."""
    FENCING = "fencing"
    """A write under an epoch that is not the latest is refused."""
    RESTORE_AFTER_FENCE = "restore_after_fence"
    """The state is read only after no earlier owner can change it."""
    POSITION_IN_STATE = "position_in_state"
    """The position is written in the same transaction as the output that it covers."""


@dataclass(frozen=True, slots=True)
class Positions:
    """The write that advances a partition: the next offset to process, and the offset from which a restore replays."""

    position: int
    replay_from: int


Write = tuple[Topic, KeyValue] | Positions


@dataclass(slots=True)
class Partition:
    """The visible data of one partition, in all topics but `models`."""

    candles: list[Record] = field(default_factory=list)
    signals: list[Record] = field(default_factory=list)
    rejects: list[Record] = field(default_factory=list)
    state: dict[bytes, bytes] = field(default_factory=dict)
    positions: Positions = Positions(0, 0)
    epoch: int = 0
    next_offset: int = 0
    owner: Member | None = None
    """Who has fenced all others."""
    commits: list[FollowedCommit] = field(default_factory=list)
    """What each commit wrote to the state, for those who follow."""
    uncommitted: list[KeyValue] = field(default_factory=list)
    """What was written to the state since the last position."""

    def restored(self) -> Restored:
        """Return what the last commit left."""
        earliest = self.candles[0].offset if self.candles else self.next_offset
        return Restored(self.positions.position, dict(self.state), self.positions.replay_from, earliest)

    def end(self) -> int:
        """Return the offset after the last candle."""
        return self.candles[-1].offset + 1 if self.candles else 0

    def read(self, offset: int, max_records: int) -> list[Record]:
        """Return at most `max_records` candles, starting at `offset`."""
        start = bisect_left(self.candles, offset, key=attrgetter("offset"))
        return self.candles[start : start + max_records]


class SimulatedBroker:
    """All partitions, and the readers that wait for new records."""

    def __init__(self, partitions: int, without: frozenset[Guarantee] = frozenset()) -> None:
        self.partitions = [Partition() for _ in range(partitions)]
        self.without = without
        self.models: list[Record] = []
        self.trace: Trace = []
        self.appenders: dict[str, int] = {}
        """The latest epoch of each appender's name."""
        self._waiting: dict[Topic, list[asyncio.Future[None]]] = {topic: [] for topic in Topic}

    def append(self, records: Sequence[KeyValue]) -> None:
        """Append records to the partitions of their keys. One offset after each batch stays unused, as Kafka uses one to mark
        the end of a transaction.
        """
        touched = set()
        for key, value in records:
            number = simulated_partition_of(key, len(self.partitions))
            partition = self.partitions[number]
            partition.candles.append(Record(number, partition.next_offset, key, value))
            partition.next_offset += 1
            touched.add(number)
        for number in touched:
            self.partitions[number].next_offset += 1
        self._wake(Topic.CANDLES)

    def promote(self, record: KeyValue, marker: KeyValue) -> dict[int, int]:
        """Append a record to `models` and a marker to each partition, at once; return the offsets of the markers."""
        self.models.append(Record(0, len(self.models), *record))
        offsets = {}
        for number, partition in enumerate(self.partitions):
            offsets[number] = partition.next_offset
            partition.candles.append(Record(number, partition.next_offset, *marker))
            partition.next_offset += 2
        for topic in (Topic.MODELS, Topic.CANDLES):
            self._wake(topic)
        return offsets

    def fence(self, partition: int, member: Member | None = None) -> int:
        """Fence all earlier owners, and return the epoch of the new owner."""
        self.partitions[partition].epoch += 1
        self.partitions[partition].owner = member
        return self.partitions[partition].epoch

    def check(self, partition: int, epoch: int) -> None:
        """Raise Fenced if `epoch` is not the latest."""
        last = self.partitions[partition].epoch
        if epoch != last and Guarantee.FENCING not in self.without:
            raise Fenced(f"partition {partition} was opened by another: epoch {last} follows {epoch}")

    def apply(self, partition: int, writes: Sequence[Write]) -> None:
        """Make writes visible."""
        data = self.partitions[partition]
        for write in writes:
            self.trace.append((partition, write))
            if isinstance(write, tuple) and write[0] is Topic.STATE:
                data.uncommitted.append(write[1])
            match write:
                case Positions():
                    data.positions = write
                    data.commits.append(FollowedCommit(write.position, data.uncommitted))
                    data.uncommitted = []
                case (Topic.STATE, KeyValue(key, b"")):
                    data.state.pop(key, None)
                case (Topic.STATE, KeyValue(key, value)):
                    data.state[key] = value
                case (topic, KeyValue(key, value)):
                    records = self.records(topic, partition)
                    records.append(Record(partition, len(records), key, value))
        for topic in (Topic.SIGNALS, Topic.REJECTED, Topic.STATE):
            self._wake(topic)

    def records(self, topic: Topic, partition: int) -> list[Record]:
        """Return all visible records of a topic in one partition."""
        if topic is Topic.MODELS:
            return [] if partition else self.models
        data = self.partitions[partition]
        return {Topic.CANDLES: data.candles, Topic.SIGNALS: data.signals, Topic.REJECTED: data.rejects}[topic]

    async def wait_for_records(self, topic: Topic, timeout_s: float) -> None:
        """Return when `topic` has new records, or after `timeout_s` seconds."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(timeout_s, _resolve, waiter)
        self._waiting[topic].append(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiting[topic].remove(waiter)

    def _wake(self, topic: Topic) -> None:
        for waiter in self._waiting[topic]:
            _resolve(waiter)


class Transaction:
    """One owner's writes to a partition. They become visible at `commit`, and are lost if it is never called."""

    def __init__(self, broker: SimulatedBroker, partition: int, epoch: int) -> None:
        self._broker, self._partition, self._epoch = broker, partition, epoch
        self._staged: list[Write] = []

    def write(self, write: Write) -> None:
        """Add a write. Raises Fenced if the owner's epoch is not the latest."""
        self._broker.check(self._partition, self._epoch)
        if Guarantee.TRANSACTION in self._broker.without:
            self._broker.apply(self._partition, [write])
        else:
            self._staged.append(write)

    def commit(self) -> None:
        """Make all writes visible. Raises Fenced if the owner's epoch is not the latest; then none of them becomes visible."""
        self._broker.check(self._partition, self._epoch)
        self._broker.apply(self._partition, self._staged)


def writes_of(commit: Commit) -> Iterator[Write]:
    """Return the single writes of a commit; the position comes last."""
    for topic, records in ((Topic.SIGNALS, commit.signals), (Topic.REJECTED, commit.rejects), (Topic.STATE, commit.snapshots)):
        for record in records:
            yield topic, record
    yield Positions(commit.position, commit.position if commit.replay_from is None else commit.replay_from)


def simulated_partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that holds all records of this key."""
    return crc32(key) % partitions


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
