"""The consumer's loop: partitions are assigned, restored, read, processed, committed and given away. Recovery is a start.

    assignment ─► open (fence, restore) ─► seek ─► poll ─► Shard.process ─► commit ─┐
                     ▲                              ▲──── while it is written ──────┤
                     └────────── dropped: fenced, or the log did not answer ────────┘

A failed commit is never retried from memory: the shard is dropped, and the log says what was written. The only clock is the event
loop's, and random numbers come from the caller: a simulation can drive both.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random

from volcast.log.contract import Commit, Consumer, Fenced, Log, Record
from volcast.log.poll_size import PollSize
from volcast.log.retry import while_unavailable
from volcast.timing.stall import StallDetector

from .commits import CommitsOnTheWay, write_snapshots
from .loading import load_in_slices
from .reports import check_history, check_stalls, report_batch, report_restored, report_restoring
from .rules import Rules
from .shard import Shard
from .snapshot_schedule import MAX_SNAPSHOTS
from .stats import WorkerStats

_IDLE_POLL_S = 0.25
_SLICE_RECORDS = 32  # so many are processed before commits, heartbeats and requests go on: about a millisecond's work
_CHECK_EVERY_S = 5.0  # how often the worker checks whether its partitions move
_log = logging.getLogger(__name__)


class Worker:
    """One member of the group that consumes a log: it holds a shard for each partition that is assigned to it."""

    def __init__(
        self, log: Log, rules: Rules, batch_records: int, random: Random, *, wall_clock: Callable[[], float] | None = None
    ) -> None:
        """`wall_clock` returns seconds since 1970; without it, the time from a candle's end to its signal is not measured."""
        self.stats = WorkerStats()
        self.shards: dict[int, Shard] = {}
        self.stalls: dict[int, StallDetector] = {}
        self._epochs: dict[int, int] = {}
        self._commits = CommitsOnTheWay(self.stats)
        self._log, self._rules, self._random, self._wall_clock, self._checked_at_s = log, rules, random, wall_clock, 0.0
        self._poll_size = PollSize(batch_records, MAX_SNAPSHOTS * rules.snapshot_records)
        self._empty_poll = asyncio.Condition()

    async def run(self) -> None:
        """Run until cancelled; while the log is unavailable, wait for it. Raises LogError if only a person can help."""
        await while_unavailable("consumer", self._attempt, self._random)

    async def drained(self) -> None:
        """Return once every record that was on the log at the time of the call has been processed and committed."""
        async with self._empty_poll:
            for _ in range(2):  # the first empty poll may have begun before the call
                await self._empty_poll.wait()

    @property
    def idle_s(self) -> float:
        """Seconds since the current iteration of the loop began; 0 before the first: to wait for a log is not to be stuck."""
        return 0.0 if self.stats.last_iteration_s is None else _now_s() - self.stats.last_iteration_s

    async def _attempt(self) -> None:
        self.stats.last_iteration_s = _now_s()
        try:
            async with self._log.consumer() as consumer:
                try:
                    while True:
                        await self._iterate(consumer)
                except asyncio.CancelledError:
                    await self._stop(consumer)
                    raise
                finally:
                    await self._commits.abandon()
        finally:
            self.stats.is_behind = True
            self.shards.clear()
            self.stalls.clear()
            self._epochs.clear()

    async def _iterate(self, consumer: Consumer) -> None:
        self.stats.last_iteration_s = _now_s()
        for partition in self._commits.partitions(ended=True):
            await self._settle(consumer, partition)
        await self._apply_assignment(consumer, await consumer.assignment())
        batches = await consumer.poll(self._poll_size.records, _IDLE_POLL_S)
        self._poll_size.after(batches.values(), max((len(each.engines) for each in self.shards.values()), default=0))
        read_s = _now_s()
        if not batches and not any(shard.restoring for shard in self.shards.values()):
            settled = [await self._settle(consumer, partition) for partition in self._commits.partitions()]
            self.stats.is_behind = not all(settled)
            if self.shards and all(settled):
                async with self._empty_poll:
                    self._empty_poll.notify_all()
        for partition, records in batches.items():
            if partition in self.shards:
                await self._process(consumer, partition, records, read_s)
        if _now_s() - self._checked_at_s > _CHECK_EVERY_S:
            self._checked_at_s = _now_s()
            await check_stalls(consumer, self.shards, self.stalls)

    async def _apply_assignment(self, consumer: Consumer, assigned: Mapping[int, int]) -> None:
        """Drop the partitions that are assigned to another worker, or were in the meantime; open those that are new."""
        for partition in [p for p, epoch in self._epochs.items() if assigned.get(p) != epoch]:
            if await self._settle(consumer, partition):
                await self._drop(consumer, partition, "assigned to another worker")
        for partition, epoch in assigned.items():
            if partition not in self.shards:
                await self._open(consumer, partition, epoch)

    async def _open(self, consumer: Consumer, partition: int, epoch: int) -> None:
        try:
            shard = await self._opened(consumer, partition)
        except Fenced as fenced:  # two workers opened it at once; the next assignment says which one should
            self.stats.fencings += 1
            _log.warning("not opened: %s", fenced, extra={"partition": partition})
            return
        self.shards[partition], self._epochs[partition] = shard, epoch
        report_restoring(partition, shard)
        if (announcement := shard.announcement()) and not await self._commit(consumer, partition, announcement):
            return
        await consumer.seek(partition, shard.replay_from)
        if not shard.restoring:
            report_restored(partition, shard)

    async def _opened(self, consumer: Consumer, partition: int) -> Shard:
        restored = await consumer.open(partition)
        shard = Shard(self._rules, restored, self._log.partition_of, await load_in_slices(self._rules, restored))
        self.stats.add_restore(check_history(shard, self._rules, restored.where))
        return shard

    async def _process(self, consumer: Consumer, partition: int, records: Sequence[Record], read_s: float) -> None:
        """Process records, and begin to write their commit once that of the records before is written."""
        shard = self.shards[partition]
        was_restoring = shard.restoring
        for begin in range(0, len(records), _SLICE_RECORDS):
            shard.add(records[begin : begin + _SLICE_RECORDS])
            await asyncio.sleep(0)
        batch = shard.finish()

        def done() -> None:
            self.stats.add_batch(partition, batch, _now_s() - read_s, self._wall_clock)
            if was_restoring and not shard.restoring:
                report_restored(partition, shard)
            report_batch(partition, batch)

        if not batch.commit:
            done()
        elif await self._settle(consumer, partition):
            self._commits.begin(consumer, partition, batch.commit, done)

    async def _commit(self, consumer: Consumer, partition: int, commit: Commit) -> bool:
        """Write a commit, and return whether it succeeded; see `_settle`."""
        self._commits.begin(consumer, partition, commit, lambda: None)
        return await self._settle(consumer, partition)

    async def _settle(self, consumer: Consumer, partition: int) -> bool:
        """Wait for the commit on its way; return False if it failed. Then the partition is dropped, and opened again if it is
        still assigned.
        """
        try:
            failure = await self._commits.failure(partition)
        except asyncio.CancelledError:
            self.shards.pop(partition, None)  # it may be ahead of the log
            raise
        if failure:
            await self._drop(consumer, partition, failure)
        return not failure

    async def _stop(self, consumer: Consumer) -> None:
        """Commit what has been processed, and all snapshots. What is not done in time is dropped."""
        for partition in await self._commits.unanswered():
            self.shards.pop(partition, None)
        for partition, shard in list(self.shards.items()):
            if await self._settle(consumer, partition) and shard.unfinished:
                await self._process(consumer, partition, (), _now_s())
                await self._settle(consumer, partition)
        await write_snapshots(self.shards, partial(self._commit, consumer))

    async def _drop(self, consumer: Consumer, partition: int, why: str) -> None:
        del self.shards[partition], self._epochs[partition]
        self.stalls.pop(partition, None)
        await consumer.close(partition)
        _log.warning("dropped: %s", why, extra={"partition": partition})


def _now_s() -> float:
    return asyncio.get_running_loop().time()
