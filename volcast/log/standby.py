"""What a standby needs of a log besides the contract: to follow a partition that another process owns, and to take it over.

    follow(p)         what the last commit left, as `open` returns it, but nobody is fenced
    poll_followed     the commits that have come since, and the candles that they answer, in order
    owner(p)          who has opened the partition, and whether that process is still there
    take_over(p)      fence the owner, then return what had not been polled: nothing is restored

`tests/contracts/test_log_standby.py` runs on every implementation. What protects the output is the fence alone: a takeover from
an owner that is still alive costs a pause, never a signal.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from .contract import Consumer, KeyValue, Record, Restored


class Owner(StrEnum):
    """Who owns a partition, as far as this process knows."""

    SELF = "self"
    """This process was the last to open it, and has not been fenced."""
    ALIVE = "alive"
    """Another process, of which nothing is known to be wrong; or it is not known who does."""
    GONE = "gone"
    """Nobody: the process that was the last to open it has ended, or no longer answers."""


class FollowedCommit(NamedTuple):
    """What a commit of the owner wrote to the state. Some commits may be left out if a later one follows."""

    position: int
    values: Sequence[KeyValue]
    """The new value of each key that changed; a value that a later commit has replaced may be missing."""


class Followed(NamedTuple):
    """What has come in a followed partition: the next commits, and the next candles, as far as a commit answers them."""

    candles: Sequence[Record]
    commits: Sequence[FollowedCommit]


class StandbyConsumer(Consumer, Protocol):
    """A consumer that also follows partitions. A partition is open, or followed, or neither."""

    @property
    def partitions(self) -> int:
        """The number of partitions of the log."""

    def owner(self, partition: int) -> Owner:
        """Return who owns the partition."""

    async def follow(self, partition: int) -> Restored:
        """Begin to follow a partition, and return what the last commit left. Commits are polled from there on, candles only after
        `seek`. Raises Unavailable, or Mismatch as `open`.
        """

    def unfollow(self, partition: int) -> None:
        """Stop following a partition; has no effect on one that is not followed."""

    async def poll_followed(self, max_records: int) -> Mapping[int, Followed]:
        """Return what has come in the followed partitions, at most `max_records` candles of each, without waiting; `poll` returns
        early when something has come. Raises Unavailable.
        """

    async def take_over(self, partition: int) -> Followed:
        """Fence the owner of a followed partition, and open it. Returns all commits that `poll_followed` had not returned, and
        all candles that they answer; after them the owner has written nothing. Raises as `open`.
        """
