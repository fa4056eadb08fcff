"""A worker that is also a standby: it follows the partitions that others own, and takes one over when its owner ends.

                 ┌──── another process has opened it ────┐
                 ▼                                       │
    ──► following ──────────────── take over ────────► owning

It takes a partition over

- if the owner is gone, and the partition is in step here: at once, whatever the group says;
- if the group assigns it here: once it is in step here, as the present owner works until then; at once if it can't be followed.

A worker keeps what it owns until another one opens it, also while the group is rebalancing: the fence protects the output, and
the group only says who should own what. Who was fenced waits for the group's next assignment, or for `PATIENCE_S`, so that two
workers do not take a partition from each other in turns.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from random import Random
from typing import cast

from consumer.rules import Rules
from consumer.shard import Shard
from consumer.worker import Worker
from volcast.log.contract import Consumer, Log, Mismatch
from volcast.log.standby import Followed, Owner, StandbyConsumer

from .partitions import FollowedPartitions
from .shard import CannotFollow, StateDiffers
from .stats import StandbyStats

PATIENCE_S = 30.0
"""For how long a worker leaves a partition that the group assigns to it to the one that has fenced it."""
_log = logging.getLogger(__name__)


class StandbyWorker(Worker):
    """A worker on a log whose consumers are each a StandbyConsumer."""

    def __init__(
        self, log: Log, rules: Rules, batch_records: int, random: Random, *, wall_clock: Callable[[], float] | None = None
    ) -> None:
        super().__init__(log, rules, batch_records, random, wall_clock=wall_clock)
        self.standby = StandbyStats()
        self._followed: FollowedPartitions | None = None
        self._held_in: dict[int, tuple[int | None, float]] = {}
        """By partition, when it was held here last, and in which epoch of the group; None if it was assigned to another one."""
        self._assigned: Mapping[int, int] = {}
        self._takes = 0
        self._rests: dict[int, Followed | BaseException] = {}
        """By partition that is being taken over, what the owner had written, or why it could not be taken over."""
        self._gone: set[int] = set()
        """Those of them whose owner was gone."""

    async def _attempt(self) -> None:
        try:
            await super()._attempt()
        finally:
            self._held_in.clear()
            if self._followed:
                await self._followed.close()
                self._followed = None

    async def _apply_assignment(self, consumer: Consumer, assigned: Mapping[int, int]) -> None:
        standby = cast("StandbyConsumer", consumer)
        if self._followed is None:
            self._followed = FollowedPartitions(standby, self._log, self._rules, self.standby)
        self._assigned = assigned
        for partition in self.shards:
            self._note_held(partition)
        kept = {partition: self._epochs[partition] for partition in self.shards if standby.owner(partition) is Owner.SELF}
        others = [partition for partition in range(standby.partitions) if partition not in kept]
        await self._followed.step([p for p in others if standby.owner(p) is not Owner.SELF], self._poll_size.records)
        due = [partition for partition in others if self._is_due(standby, partition)]
        taken = [partition for partition in due if self._followed.in_step(partition)]
        self._gone = {partition for partition in due if standby.owner(partition) is Owner.GONE}
        rests = await asyncio.gather(*map(standby.take_over, taken), return_exceptions=True)
        self._rests = dict(zip(taken, rests, strict=True))
        self._takes += 1
        await super()._apply_assignment(consumer, kept | dict.fromkeys(due, self._takes))

    def _is_due(self, consumer: StandbyConsumer, partition: int) -> bool:
        """Return whether a partition that this worker does not hold should be opened now."""
        assert self._followed is not None  # noqa: S101  # the only caller has set it
        owner, in_step, epoch = consumer.owner(partition), self._followed.in_step(partition), self._assigned.get(partition)
        if owner is Owner.SELF or (owner is Owner.GONE and in_step):
            return True
        if epoch is None or (owner is Owner.ALIVE and self._must_wait(partition, epoch)):
            return False
        return in_step or self._followed.cannot(partition)

    def _note_held(self, partition: int) -> None:
        self._held_in[partition] = self._assigned.get(partition), asyncio.get_running_loop().time()

    def _must_wait(self, partition: int, epoch: int) -> bool:
        """Return whether the partition was lost in this epoch of the group, not long ago."""
        held_in, held_at_s = self._held_in.get(partition, (None, 0.0))
        return held_in == epoch and asyncio.get_running_loop().time() - held_at_s < PATIENCE_S

    async def _opened(self, consumer: Consumer, partition: int) -> Shard:
        standby = cast("StandbyConsumer", consumer)
        self._note_held(partition)
        followed, rest = self._followed.take(partition) if self._followed else None, self._rests.pop(partition, None)
        if isinstance(rest, BaseException):
            standby.unfollow(partition)
            raise rest
        if followed and rest:
            was_gone, before = partition in self._gone, followed.comparisons
            try:
                shard = followed.promoted(rest)
            except StateDiffers as difference:
                self.standby.mismatches += 1
                _log.error("the standby has computed another result than the owner: %s; it is restored", difference)
            except (CannotFollow, Mismatch) as error:
                _log.warning("taken over without the state at hand: %s", error, extra={"partition": partition})
            else:
                self.standby.takeovers += 1
                self.standby.lost_owners += was_gone
                where = {"partition": partition, "offset": shard.position}
                _log.info("taken over: %s", "its owner is gone" if was_gone else "the group assigns it here", extra=where)
                return shard
            finally:
                self.standby.comparisons += followed.comparisons - before
        if self._followed:
            self._followed.forget(partition)  # also what has just begun: it must not follow what is owned here
        return await super()._opened(consumer, partition)
