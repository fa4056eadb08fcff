"""The followed partitions of one process: begins to follow them, steps them, and begins anew where that fails.

waiting ──► restoring ──► following ──► taken
   ▲            │             │
   └────────────┴─────────────┘ cannot be followed, or differs: the state is thrown away
"""

import asyncio
import logging
from collections.abc import Collection

from consumer.loading import LoadedSymbols, load_in_slices
from consumer.rules import Rules
from consumer.stats import newest_open_time_ms
from volcast.log.contract import Log, Mismatch, Restored, Unavailable
from volcast.log.standby import Followed, StandbyConsumer

from .following import FollowedPartition
from .shard import CannotFollow, FollowingShard, StateDiffers
from .stats import StandbyStats

_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.2, 10.0
"""How long a partition that could not be followed is left alone; it doubles each time, as each attempt reads the whole state."""
_log = logging.getLogger(__name__)


class FollowedPartitions:
    """All partitions that a process follows on one consumer."""

    def __init__(self, consumer: StandbyConsumer, log: Log, rules: Rules, stats: StandbyStats) -> None:
        self.consumer = consumer
        self._log, self._rules, self._stats = log, rules, stats
        self._followed: dict[int, FollowedPartition] = {}
        self._restoring: dict[int, asyncio.Task[tuple[Restored, LoadedSymbols]]] = {}
        self._early: dict[int, list[Followed]] = {}
        """What has come of partitions whose state has been read, but not taken in."""
        self._not_before_s: dict[int, float] = {}
        """When a partition that could not be followed is tried again."""
        self._pauses_s: dict[int, float] = {}
        """The next pause of such a partition."""
        self._told: set[int] = set()
        """The partitions of which the log of the process says that they are followed."""
        self._cold: set[int] = set()
        """The partitions that could not be followed at the last attempt."""

    def in_step(self, partition: int) -> bool:
        """Return whether the partition can be taken over at once."""
        return partition in self._followed and self._followed[partition].in_step

    def cannot(self, partition: int) -> bool:
        """Return whether the last attempt to follow the partition failed."""
        return partition in self._cold

    async def step(self, wanted: Collection[int], max_records: int) -> None:
        """Follow the `wanted` partitions and no others, and process what has come in them. Raises Unavailable."""
        for partition in [p for p in (*self._followed, *self._restoring) if p not in wanted]:
            self.forget(partition)
        for partition in wanted:
            self._begin(partition)
        for partition, followed in (await self.consumer.poll_followed(max_records)).items():
            if partition in self._followed:
                self._followed[partition].add(followed)
            elif partition in self._restoring:
                self._early.setdefault(partition, []).append(followed)
        for partition, each in list(self._followed.items()):
            self._step(partition, each, max_records)

    def take(self, partition: int) -> FollowedPartition | None:
        """Return a partition that is in step, and follow it no longer: its next owner is this process."""
        followed = self._followed.pop(partition, None)
        self._told.discard(partition)
        self._stats.in_step.pop(partition, None)
        self._stats.newest_open_time_ms.pop(partition, None)
        return followed if followed and followed.in_step else None

    def forget(self, partition: int) -> None:
        """Throw the state of a partition away."""
        if task := self._restoring.pop(partition, None):
            task.cancel()
        self.take(partition)
        self._early.pop(partition, None)
        self._cold.discard(partition)
        self.consumer.unfollow(partition)

    async def close(self) -> None:
        """Throw everything away."""
        tasks = list(self._restoring.values())
        for partition in (*self._followed, *self._restoring):
            self.forget(partition)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, partition: int) -> None:
        """Begin to follow a partition, or go on with that: the state is read in the background."""
        if partition in self._followed:
            return
        task = self._restoring.get(partition)
        if task is None:
            if _now_s() >= self._not_before_s.get(partition, 0.0):
                self._restoring[partition] = asyncio.create_task(self._read(partition))
        elif task.done():
            del self._restoring[partition]
            try:
                restored, symbols = task.result()
                shard = FollowingShard(self._rules, restored, self._log.partition_of, symbols)
            except (CannotFollow, Mismatch, Unavailable) as error:
                self._give_up(partition, error)
            else:
                followed = self._followed[partition] = FollowedPartition(shard)
                for each in self._early.pop(partition, ()):
                    followed.add(each)
                self._cold.discard(partition)
                self._note(partition)

    async def _read(self, partition: int) -> tuple[Restored, LoadedSymbols]:
        restored = await self.consumer.follow(partition)
        await self.consumer.seek(partition, max(min(restored.replay_from, restored.position), restored.earliest))
        return restored, await load_in_slices(self._rules, restored)

    def _step(self, partition: int, followed: FollowedPartition, max_records: int) -> None:
        compared = followed.comparisons
        try:
            while followed.step(max_records):  # `poll_followed` limits how much there is
                pass
        except StateDiffers as difference:
            self._stats.comparisons += 1
            self._stats.mismatches += 1
            text = "the standby has computed another result than the owner: %s; the standby starts anew from the log"
            _log.error(text, difference, extra={"partition": partition})
            self._give_up(partition, None)
            return
        except (CannotFollow, Mismatch) as error:
            self._give_up(partition, error)
            return
        self._stats.comparisons += followed.comparisons - compared
        self._note(partition)
        if followed.in_step and partition not in self._told:
            self._told.add(partition)
            self._pauses_s.pop(partition, None)
            where = {"partition": partition, "offset": followed.shard.position, "symbols": len(followed.shard.engines)}
            _log.info("following", extra=where)

    def _note(self, partition: int) -> None:
        followed = self._followed[partition]
        self._stats.in_step[partition] = followed.in_step
        if (newest_ms := newest_open_time_ms(followed.shard)) is not None:
            self._stats.newest_open_time_ms[partition] = newest_ms

    def _give_up(self, partition: int, why: Exception | None) -> None:
        if why:
            _log.info("not followed: %s", why, extra={"partition": partition})
        self.forget(partition)
        self._cold.add(partition)
        pause_s = self._pauses_s.get(partition, _FIRST_PAUSE_S)
        self._not_before_s[partition] = _now_s() + pause_s
        self._pauses_s[partition] = min(2 * pause_s, _MAX_PAUSE_S)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
