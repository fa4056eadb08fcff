"""What a log is: four topics of bytes, and one atom that writes three of them.

Every implementation passes `tests/contracts/test_log.py`. The log knows nothing of candles: keys and values are bytes. Records
of one key stay in one partition, in the order in which they were appended. A partition of `candles` has its twin, of the same
number, in each of the other three topics.

    appender ──► candles ──► consumer: open(p) = fence the former owner, then restore
                                 │     seek(p) = read from there on
                                 │     poll    = the next records of the open partitions
                                 └──── commit  = signals + rejects + snapshots + position, one atom ──► reader

A partition's state has two numbers. `position` is the output's: all candles below it are answered. `replay_from` is the
snapshots': whoever takes in the candles from there to `position` has the state as it was at `position`. They differ where
snapshots are rarer than commits.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol, Self


class Topic(StrEnum):
    """The four topics; three are kept for a time, `state` keeps the last value of each key."""

    CANDLES = "candles"
    SIGNALS = "signals"
    REJECTED = "candles.rejected"
    STATE = "state"


class Record(NamedTuple):
    """One record as it was read. Offsets rise within a partition and may have holes."""

    partition: int
    offset: int
    key: bytes
    value: bytes


class KeyValue(NamedTuple):
    """One record to be written."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """What becomes true at once: all of it, or none."""

    position: int
    """The offset of the next candle to answer: those below are dealt with."""
    signals: Sequence[KeyValue] = ()
    rejects: Sequence[KeyValue] = ()
    snapshots: Sequence[KeyValue] = ()
    """The state's new value of each key that has one; an empty value forgets the key."""
    replay_from: int | None = None
    """Where the next owner must begin to read, at most `position`; None where the snapshots have all below `position`."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the last commit of a partition left: where to go on, and the last snapshot of each key."""

    position: int = 0
    snapshots: Mapping[bytes, bytes] = field(default_factory=dict)
    replay_from: int = 0
    """The snapshots lack the candles from there on; `position` where they lack none."""
    earliest: int = field(default=0, compare=False)
    """The offset of the first candle that the log still has."""


class LogError(Exception):
    """A sentence for the user; the four kinds below say what can be done."""


class Unavailable(LogError):
    """The log can't be reached or did not answer. Whether the last write happened is not known: open again, and look."""


class Fenced(LogError):
    """Another owner has opened this partition. Drop what is in memory; the truth is in the log."""


class Mismatch(LogError):
    """The log is not the one that the settings describe. Retrying won't help: a person must choose."""


class Busy(LogError):
    """Another process holds what only one may hold."""


class Appender(Protocol):
    """The producer's end. One appender of a name at a time: opening a second one fences the first."""

    async def last(self, key: bytes, wanted: Callable[[bytes], bool]) -> Record | None:
        """The last record of this key on `candles` whose value is `wanted`, None if there is none (any more)."""

    async def append(self, records: Sequence[KeyValue]) -> None:
        """Append to `candles`, in this order, all or nothing; durable when it returns.

        Raises Fenced, or Unavailable: then open a new appender and ask for `last`.
        """


class Consumer(Protocol):
    """One worker's end: partitions come and go, and each that is held is opened, read and committed on its own."""

    async def assignment(self) -> Mapping[int, int]:
        """The partitions that this worker should hold now, each with the epoch in which it was given.

        Another epoch means that somebody else may have had it in between: close, and open again.
        """

    async def open(self, partition: int) -> Restored:
        """Fence every former owner, and only then read what the last commit left. Nothing of it is polled before `seek`.

        Raises Unavailable, Fenced where another opens it at the same time, or Mismatch where the position is no longer in
        the log.
        """

    async def seek(self, partition: int, offset: int) -> None:
        """Let `poll` read an open partition from `offset` on."""

    async def end(self, partition: int) -> int:
        """The offset behind the last candle that can be read now. Raises Unavailable."""

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Record]]:
        """The next candles of the open partitions, at most `max_records` each; empty after `timeout_s` without any."""

    async def commit(self, partition: int, commit: Commit) -> None:
        """Write the atom. Raises Fenced or Unavailable; after either, close the partition: what was in memory is void."""

    async def close(self, partition: int) -> None:
        """Forget an open partition; without effect on one that is not open."""


class Reader(Protocol):
    """Reads one topic, all partitions, from its first retained record on, without a group; sees committed records only."""

    async def read(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """The next records; empty after `timeout_s` without any. Survives a broker's restart."""

    @property
    def caught_up(self) -> bool:
        """All that had been committed when this reader was opened has been returned by `read`."""


class Log(Protocol):
    """`async with` it: entering waits until it can be reached, creates what is missing and checks what is there."""

    async def __aenter__(self) -> Self:
        """Raises Mismatch where topics, partition counts or the format are not as expected."""

    async def __aexit__(self, *exc_info: object) -> None:
        """Close all that is open."""

    def appender(self, name: str) -> AbstractAsyncContextManager[Appender]:
        """`name` tells one stream's producers from another's: [A-Za-z0-9._+-]."""

    def consumer(self) -> AbstractAsyncContextManager[Consumer]:
        """A new worker of the one group that consumes this log."""

    async def peek(self) -> Mapping[int, Restored]:
        """What the last commits left, by partition. Fences nobody: for looking at, no ground for a commit."""

    def partition_of(self, key: bytes) -> int:
        """The partition in which all records of this key are."""

    def reader(self, topic: Topic) -> AbstractAsyncContextManager[Reader]:
        """A reader of its own position; of any topic but `state`, which `open` alone reads."""
