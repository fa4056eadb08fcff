"""What the simulated log holds, and the guarantees it gives. Each method happens at once; whoever calls may wait in between.

A partition's owner writes in transactions under the epoch that it got when it fenced the owners before it.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from zlib import crc32

from volcast.log.contract import Commit, Fenced, KeyValue, Record, Restored, Topic

Trace = list[tuple[object, ...]]
"""All that was done and became visible, in order."""


class Guarantee(StrEnum):
    """What exactly-once rests on. Each can be taken away, to see that this is noticed."""

    TRANSACTION = "transaction"
    """A commit's writes become visible together."""
    FENCING = "fencing"
    """A write under an epoch that is not the last one is refused."""
    RESTORE_AFTER_FENCE = "restore_after_fence"
    """The state is read once nobody before can change it any more."""
    POSITION_IN_STATE = "position_in_state"
    """The position is written in the transaction of the output that it stands for."""


@dataclass(frozen=True, slots=True)
class Positions:
    """The write that moves a partition on."""

    position: int
    replay_from: int


Write = tuple[Topic, KeyValue] | Positions


@dataclass(slots=True)
class Partition:
    """One partition of the four topics: what is visible."""

    candles: list[Record] = field(default_factory=list)
    signals: list[Record] = field(default_factory=list)
    rejects: list[Record] = field(default_factory=list)
    state: dict[bytes, bytes] = field(default_factory=dict)
    positions: Positions = Positions(0, 0)
    epoch: int = 0
    next_offset: int = 0

    def restored(self) -> Restored:
        """What the last commit left."""
        earliest = self.candles[0].offset if self.candles else self.next_offset
        return Restored(self.positions.position, dict(self.state), self.positions.replay_from, earliest)

    def end(self) -> int:
        """The offset behind the last candle."""
        return self.candles[-1].offset + 1 if self.candles else 0

    def read(self, offset: int, max_records: int) -> list[Record]:
        """Candles from `offset` on."""
        start = bisect_left(self.candles, offset, key=attrgetter("offset"))
        return self.candles[start : start + max_records]


class SimulatedBroker:
    """All partitions, with whoever waits for them to grow."""

    def __init__(self, partitions: int, without: frozenset[Guarantee] = frozenset()) -> None:
        self.partitions = [Partition() for _ in range(partitions)]
        self.without = without
        self.trace: Trace = []
        self.appenders: dict[str, int] = {}
        """The epoch of each name."""
        self._waiting: dict[Topic, list[asyncio.Future[None]]] = {topic: [] for topic in Topic}

    def append(self, records: Sequence[KeyValue]) -> None:
        """To the partitions of their keys. Behind each append an offset stays empty, as where a transaction's end is marked."""
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

    def fence(self, partition: int) -> int:
        """-> the epoch of the owner from now on."""
        self.partitions[partition].epoch += 1
        return self.partitions[partition].epoch

    def check(self, partition: int, epoch: int) -> None:
        """Raises Fenced where `epoch` is not the last one."""
        last = self.partitions[partition].epoch
        if epoch != last and Guarantee.FENCING not in self.without:
            raise Fenced(f"partition {partition} was opened by another: epoch {last} follows {epoch}")

    def show(self, partition: int, writes: Sequence[Write]) -> None:
        """Make them visible."""
        held = self.partitions[partition]
        for write in writes:
            self.trace.append((partition, write))
            match write:
                case Positions():
                    held.positions = write
                case (Topic.STATE, KeyValue(key, b"")):
                    held.state.pop(key, None)
                case (Topic.STATE, KeyValue(key, value)):
                    held.state[key] = value
                case (topic, KeyValue(key, value)):
                    records = self.records(topic, partition)
                    records.append(Record(partition, len(records), key, value))
        self._wake(Topic.SIGNALS)
        self._wake(Topic.REJECTED)

    def records(self, topic: Topic, partition: int) -> list[Record]:
        """All that is visible there."""
        held = self.partitions[partition]
        return {Topic.CANDLES: held.candles, Topic.SIGNALS: held.signals, Topic.REJECTED: held.rejects}[topic]

    async def grown(self, topic: Topic, timeout_s: float) -> None:
        """Return when there is more of `topic`, or when the time is up."""
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
    """One owner's writes to a partition: visible at `commit`, gone where it never comes."""

    def __init__(self, broker: SimulatedBroker, partition: int, epoch: int) -> None:
        self._broker, self._partition, self._epoch = broker, partition, epoch
        self._staged: list[Write] = []

    def write(self, write: Write) -> None:
        """Raises Fenced."""
        self._broker.check(self._partition, self._epoch)
        if Guarantee.TRANSACTION in self._broker.without:
            self._broker.show(self._partition, [write])
        else:
            self._staged.append(write)

    def commit(self) -> None:
        """Raises Fenced: then nothing of it is ever visible."""
        self._broker.check(self._partition, self._epoch)
        self._broker.show(self._partition, self._staged)


def writes_of(commit: Commit) -> Iterator[Write]:
    """One by one, the position last."""
    for topic, records in ((Topic.SIGNALS, commit.signals), (Topic.REJECTED, commit.rejects), (Topic.STATE, commit.snapshots)):
        for record in records:
            yield topic, record
    yield Positions(commit.position, commit.position if commit.replay_from is None else commit.replay_from)


def simulated_partition_of(key: bytes, partitions: int) -> int:
    """The partition in which all records of this key are."""
    return crc32(key) % partitions


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
