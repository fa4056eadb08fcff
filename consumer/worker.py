"""The loop: partitions come, are restored, read, stepped through and committed, and go. Start and recovery are one path.

    assignment ─► open (fence, restore) ─► seek ─► poll ─► Shard.process ─► commit ─┐
                     ▲                              ▲──────────── written ──────────┤
                     └────────── dropped: fenced, or the log did not answer ────────┘

A commit that failed is never retried from memory: the shard is dropped, and the log says what became true. All times are the
event loop's, and chance is the caller's: a simulation can drive both.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random

from volcast.log.contract import Commit, Consumer, Fenced, Log, Record, Unavailable
from volcast.log.retry import while_unavailable
from volcast.stall import StallDetector

from .reports import report_batch, report_restored, report_restoring
from .rules import Rules
from .shard import Shard
from .stats import LOOK_EVERY_S, WorkerStats

_IDLE_POLL_S = 0.25
_log = logging.getLogger(__name__)


class Worker:
    """One consumer: as many shards as it is given partitions."""

    def __init__(
        self, log: Log, rules: Rules, batch_records: int, random: Random, *, wall: Callable[[], float] | None = None
    ) -> None:
        """`wall` is this machine's clock, in seconds since 1970; without it nobody learns how long a signal took."""
        self.tally = WorkerStats()
        self.shards: dict[int, Shard] = {}
        self.stalls: dict[int, StallDetector] = {}
        self._epochs: dict[int, int] = {}
        self._log, self._rules, self._batch_records, self._random = log, rules, batch_records, random
        self._wall = wall
        self._looked_at_s = 0.0
        self._empty_poll = asyncio.Condition()

    async def run(self) -> None:
        """Until cancelled. Raises LogError where only a person can help; while the log is unavailable, it waits."""
        await while_unavailable("consumer", self._attempt, self._random)

    async def drained(self) -> None:
        """Return when all that was on the log at the call has been committed."""
        async with self._empty_poll:
            for _ in range(2):  # the first may have begun before the call
                await self._empty_poll.wait()

    def handled(self) -> int:
        """Records dealt with since the beginning of the log, in the partitions that are held."""
        return sum(shard.handled for shard in tuple(self.shards.values()))

    def rejected(self) -> Counter[str]:
        """Rejects by reason, counted likewise."""
        return sum((shard.rejected for shard in self.shards.values()), Counter[str]())

    @property
    def idle_s(self) -> float:
        """Seconds since the loop last turned; 0 before it begins: waiting for a log is not being stuck."""
        return 0.0 if self.tally.turned_at_s is None else _now_s() - self.tally.turned_at_s

    async def _attempt(self) -> None:
        self.tally.turned_at_s = _now_s()
        try:
            async with self._log.consumer() as consumer:
                while True:
                    await self._turn(consumer)
        finally:
            self.shards.clear()
            self.stalls.clear()
            self._epochs.clear()

    async def _turn(self, consumer: Consumer) -> None:
        self.tally.turned_at_s = _now_s()
        await self._follow(consumer, await consumer.assignment())
        batches = await consumer.poll(self._batch_records, _IDLE_POLL_S)
        if not batches and self.shards and not any(shard.restoring for shard in self.shards.values()):
            async with self._empty_poll:
                self._empty_poll.notify_all()
        for partition, records in batches.items():
            if partition in self.shards:
                await self._step(consumer, partition, records)
        if _now_s() - self._looked_at_s > LOOK_EVERY_S:
            await self._look(consumer)

    async def _follow(self, consumer: Consumer, assigned: Mapping[int, int]) -> None:
        """Drop what is no longer ours, or was somebody else's in between; open what is new."""
        for partition in [p for p, epoch in self._epochs.items() if assigned.get(p) != epoch]:
            await self._drop(consumer, partition, "given to another")
        for partition, epoch in assigned.items():
            if partition not in self.shards:
                await self._open(consumer, partition, epoch)

    async def _open(self, consumer: Consumer, partition: int, epoch: int) -> None:
        try:
            restored = await consumer.open(partition)
        except Fenced as fenced:  # two opened it at once; the next look at the assignment tells who should
            self.tally.fencings += 1
            _log.warning("not opened: %s", fenced, extra={"partition": partition})
            return
        shard = Shard(self._rules, restored)
        self.shards[partition], self._epochs[partition] = shard, epoch
        self.tally.restores += 1
        self.tally.rebuilds += len(shard.unusable)
        report_restoring(partition, shard)
        if (announcement := shard.announcement()) and not await self._commit(consumer, partition, announcement):
            return
        await consumer.seek(partition, shard.replay_from)
        if not shard.restoring:
            report_restored(partition, shard)

    async def _step(self, consumer: Consumer, partition: int, records: Sequence[Record]) -> None:
        shard = self.shards[partition]
        was_restoring = shard.restoring
        batch = shard.process(records)
        if batch.commit and not await self._commit(consumer, partition, batch.commit):
            return
        if self._wall:
            now_s = self._wall()
            for end_ms in batch.live_ends_ms:
                self.tally.close_to_signal.add(max(now_s - end_ms / 1_000, 0.0))
        if was_restoring and not shard.restoring:
            report_restored(partition, shard)
        report_batch(partition, batch)

    async def _commit(self, consumer: Consumer, partition: int, commit: Commit) -> bool:
        """False where it failed: the partition is dropped, and opened anew if it is still ours."""
        began_s = _now_s()
        try:
            await consumer.commit(partition, commit)
        except Fenced as fenced:
            self.tally.fencings += 1
            await self._drop(consumer, partition, f"fenced: {fenced}")
            return False
        except Unavailable as unavailable:
            self.tally.failed_commits += 1
            await self._drop(consumer, partition, f"commit failed: {unavailable}")
            return False
        self.tally.commits.add(_now_s() - began_s)
        return True

    async def _look(self, consumer: Consumer) -> None:
        """Whether each partition moves while its log grows."""
        self._looked_at_s = _now_s()
        for partition, shard in self.shards.items():
            end = await consumer.end(partition)
            self.stalls.setdefault(partition, StallDetector()).look(shard.next_offset, _now_s(), end=end)
            if shard.restoring:
                report_restoring(partition, shard)

    async def _drop(self, consumer: Consumer, partition: int, why: str) -> None:
        del self.shards[partition], self._epochs[partition]
        self.stalls.pop(partition, None)
        await consumer.close(partition)
        _log.warning("dropped: %s", why, extra={"partition": partition})


def _now_s() -> float:
    return asyncio.get_running_loop().time()
