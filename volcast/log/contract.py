"""The interface of a log: five topics of bytes, and one atomic commit that writes to three of them.

Every implementation passes `tests/contracts/test_log*.py`. A log knows nothing of candles: keys and values are bytes. Records of
one key stay in one partition, in the order in which they were appended. Each partition of `candles` has a partition of the same
number in each of the other topics.

    appender ──► candles ──► consumer: open(p) = fence the former owner, then restore
                                 │     seek(p) = read from that offset on
                                 │     poll    = the next records of the open partitions
                                 └──── commit  = signals + rejects + snapshots + position, atomically ──► reader
    appender.promote = a record on models + a marker in each partition of candles, atomically

The state of a partition has two offsets. `position` belongs to the output: every candle below it has been answered. `replay_from`
belongs to the snapshots, which are written less often: replaying the candles from there to `position` gives the state as of then.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol, Self

from msgspec import Struct


class Topic(StrEnum):
    """The five topics. Three are kept for a limited time; `state` and `models` are compacted to the last value of each key."""

    CANDLES = "candles"
    SIGNALS = "signals"
    REJECTED = "candles.rejected"
    STATE = "state"
    MODELS = "models"
    """Which model leads since when, by whom and why. No record of it is ever deleted, if each has a key of its own."""


class Record(Struct, frozen=True, gc=False):
    """A record that was read. Offsets rise within a partition and may have gaps."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    unreadable: str = ""
    """Why records that end at `offset` can't be read, beginning with their offsets; key and value are then empty."""


class KeyValue(NamedTuple):
    """A record to be written."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """The output for some candles of one partition and the new position, written atomically."""

    position: int
    """The offset of the next candle to answer; all below it have been answered."""
    signals: Sequence[KeyValue] = ()
    rejects: Sequence[KeyValue] = ()
    snapshots: Sequence[KeyValue] = ()
    """The new value of each key of the state that changed; an empty value deletes the key."""
    replay_from: int | None = None
    """Where the next owner must start to read, at most `position`. None means `position`: snapshots include all candles below."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The state of a partition as its last commit left it: where to continue, and the last snapshot of each key."""

    position: int = 0
    snapshots: dict[bytes, bytes] = field(default_factory=dict)
    replay_from: int = 0
    """The snapshots lack the candles from this offset on; equals `position` if they lack none."""
    earliest: int = field(default=0, compare=False)
    """The offset of the oldest candle that the log still has."""
    position_unknown: bool = field(default=False, compare=False)
    """The log has signals or rejects, but its position is gone: `position` is that of a new log. The snapshots may know it."""
    where: str = field(default="the log", compare=False)
    """The place of the state, for messages."""


class LogError(Exception):
    """A log that cannot be used; the message is a sentence for the user. The subclasses say what can be done about it."""


class Unavailable(LogError):
    """The log cannot be reached or did not answer. It is unknown whether the last write happened: open again and read."""


class Fenced(LogError):
    """Another owner has opened this partition. Discard the state in memory; only the state in the log counts."""


class Mismatch(LogError):
    """The log is not as the settings describe it. A retry does not help: a person has to decide."""


class Busy(LogError):
    """Another process uses something that only one process may use at a time."""


class Appender(Protocol):
    """Writes candles for a producer. Each name has one appender at a time: opening a second one fences the first."""

    async def last(self, key: bytes, matches: Callable[[bytes], bool]) -> Record | None:
        """Return the last record of this key on `candles` whose value satisfies `matches`; None if the log has none."""

    async def append(self, records: Sequence[KeyValue]) -> None:
        """Append to `candles` in this order, atomically; the records are durable when it returns.

        Raises Fenced, or Unavailable: after that, open a new appender and find out with `last` what was written.
        """

    async def promote(self, record: KeyValue, marker: KeyValue) -> Mapping[int, int]:
        """Append `record` to `models` and `marker` to each partition of `candles`, atomically, whatever their keys are.

        All records of `models` are in partition 0, in the order of their writing. Returns the offset of the marker in each
        partition of `candles`. Raises as `append`; after Unavailable, a reader of `models` tells whether it was written.
        """


class Consumer(Protocol):
    """Reads candles and commits output for one worker. Each partition is opened, read and committed apart from the others."""

    async def assignment(self) -> Mapping[int, int]:
        """Return the partitions assigned to this worker now, each with the epoch of its assignment.

        If the epoch of a partition changes, another worker may have owned it in between: close it and open it again.
        """

    async def open(self, partition: int) -> Restored:
        """Fence every former owner, then return what the last commit left. The partition is not polled before `seek`.

        Raises Unavailable; Fenced if another worker opens it at the same time; Mismatch if the position is no longer in the
        log.
        """

    async def seek(self, partition: int, offset: int) -> None:
        """Make `poll` read an open partition from `offset` on."""

    async def end(self, partition: int) -> int:
        """Return the offset after the last candle on the log, also if it can't be read yet. Raises Unavailable."""

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        """Return the next candles of the open partitions, at most `max_records` of each; empty if none came in `timeout_s`."""

    async def commit(self, partition: int, commit: Commit) -> None:
        """Write the commit atomically. Raises Fenced or Unavailable: after either, close the partition and discard its state."""

    async def close(self, partition: int) -> None:
        """Close an open partition; has no effect on one that is not open."""


class Reader(Protocol):
    """Reads all partitions of a topic, independently of any group; committed records only."""

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """Return the next records; empty if none came in `timeout_s`. Continues after a restart of the broker."""

    @property
    def caught_up(self) -> bool:
        """True when `read` has returned everything that had been committed when this reader was opened."""

    @property
    def positions(self) -> Mapping[int, int]:
        """Where each partition goes on: no committed record below has still to be returned."""

    async def begins(self) -> Mapping[int, int]:
        """Return the offset of the oldest record of each partition now, or of the next one if it has none. Raises Unavailable."""

    async def ends(self) -> Mapping[int, int]:
        """Return the offset after the last record of each partition now, also if it can't be read yet. Raises Unavailable."""


class Log(Protocol):
    """A log. Entering it waits until it can be reached, creates missing topics and checks the existing ones."""

    async def __aenter__(self) -> Self:
        """Open the log. Raises Mismatch if topics, partition counts or the format are not as expected."""

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the log."""

    def appender(self, name: str) -> AbstractAsyncContextManager[Appender]:
        """Open an appender. Producers of different streams need different names, made of [A-Za-z0-9._+-]."""

    def consumer(self) -> AbstractAsyncContextManager[Consumer]:
        """Open a new member of the one consumer group of this log."""

    async def peek(self, *, keys_only: bool = False) -> Mapping[int, Restored]:
        """Return what the last commits left, by partition, without fencing any owner: to be shown, not to commit on.

        With `keys_only` each snapshot is empty: all of them may be some hundred megabytes.
        """

    async def latest(self, topic: Topic, key: bytes, count: int) -> Sequence[Record]:
        """Return the last `count` records of a key on `candles` or `signals`, and any that can't be read; the oldest first."""

    async def keys(self, topic: Topic) -> Sequence[bytes]:
        """Return the keys of the records on `candles` or `signals`, sorted; it may read all of the topic. Raises Unavailable."""

    def partition_of(self, key: bytes) -> int:
        """Return the partition that holds all records of this key."""

    def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AbstractAsyncContextManager[Reader]:
        """Open a reader with a position of its own, for any topic but `state`, which only `Consumer.open` reads.

        It begins with the oldest record, or in a partition that `start` names with the first one at or after that offset. Raises
        Mismatch if the partition ends before it.
        """
