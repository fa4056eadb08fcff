"""The loop: partitions come, are restored, read, stepped through and committed, and go. Start and recovery are one path.

    assignment ─► open (fence, restore, seek) ─► poll ─► Shard.process ─► commit ─┐
                     ▲                            ▲──────────── written ──────────┤
                     └────────── dropped: fenced, or the log did not answer ──────┘

A commit that failed is never retried from memory: the shard is dropped, and the log says what became true.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from volcast.core.snapshot import SnapshotError
from volcast.log.contract import Consumer, Fenced, Log, Mismatch, Record, Unavailable
from volcast.log.retry import while_unavailable

from .shard import Batch, Rules, Shard

_IDLE_POLL_S = 0.25
_MAX_LOGGED_PER_BATCH = 5
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """What this process did since its start; what the stream holds is counted in the shards."""

    restores: int = 0
    fencings: int = 0
    failed_commits: int = 0
    commits: int = 0
    commit_seconds: float = 0.0
    turned_at_s: float | None = None
    """When the loop last turned, or began anew; None before it first did."""


class Worker:
    """One consumer: as many shards as it is given partitions."""

    def __init__(self, log: Log, rules: Rules, batch_records: int, now: Callable[[], float] = time.monotonic) -> None:
        self.tally = Tally()
        self.shards: dict[int, Shard] = {}
        self._epochs: dict[int, int] = {}
        self._log, self._rules, self._batch_records, self._now = log, rules, batch_records, now
        self._empty_poll = asyncio.Condition()

    async def run(self) -> None:
        """Until cancelled. Raises LogError where only a person can help; while the log is unavailable, it waits."""
        await while_unavailable("consumer", self._attempt)

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
        return 0.0 if self.tally.turned_at_s is None else self._now() - self.tally.turned_at_s

    async def _attempt(self) -> None:
        self.tally.turned_at_s = self._now()
        try:
            async with self._log.consumer() as consumer:
                while True:
                    await self._turn(consumer)
        finally:
            self.shards.clear()
            self._epochs.clear()

    async def _turn(self, consumer: Consumer) -> None:
        self.tally.turned_at_s = self._now()
        await self._follow(consumer, await consumer.assignment())
        batches = await consumer.poll(self._batch_records, _IDLE_POLL_S)
        if not batches and self.shards:
            async with self._empty_poll:
                self._empty_poll.notify_all()
        for partition, records in batches.items():
            if partition in self.shards:
                await self._step(consumer, partition, records)

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
        try:
            shard = Shard(self._rules, restored.snapshots)
        except SnapshotError as error:
            raise Mismatch(f"{error}; use the settings of before, or another log") from error
        self.shards[partition], self._epochs[partition] = shard, epoch
        self.tally.restores += 1
        _log.info("restored", extra={"partition": partition, "offset": restored.position, "symbols": len(shard.engines)})

    async def _step(self, consumer: Consumer, partition: int, records: Sequence[Record]) -> None:
        batch = self.shards[partition].process(records)
        began = self._now()
        try:
            await consumer.commit(partition, batch.commit)
        except Fenced as fenced:
            self.tally.fencings += 1
            await self._drop(consumer, partition, str(fenced))
        except Unavailable as unavailable:
            self.tally.failed_commits += 1
            await self._drop(consumer, partition, str(unavailable))
        else:
            self.tally.commits += 1
            self.tally.commit_seconds += self._now() - began
            _report(partition, batch)

    async def _drop(self, consumer: Consumer, partition: int, why: str) -> None:
        del self.shards[partition], self._epochs[partition]
        await consumer.close(partition)
        _log.warning("dropped: %s", why, extra={"partition": partition})


def _report(partition: int, batch: Batch) -> None:
    """Say what was not taken: each kind's first few, and how many there were."""
    for reject in batch.rejects[:_MAX_LOGGED_PER_BATCH]:
        where = {"partition": partition, "offset": reject.offset, "source": reject.source, "line": reject.line}
        _log.warning("rejected: %s", reject.detail, extra={"symbol": reject.symbol, "reason": reject.reason, **where})
    for symbol, open_time_ms, skip in batch.skips[:_MAX_LOGGED_PER_BATCH]:
        _log.warning("%s candle skipped", skip, extra={"symbol": symbol, "open_time_ms": open_time_ms, "partition": partition})
    unsaid = len(batch.rejects[_MAX_LOGGED_PER_BATCH:]) + len(batch.skips[_MAX_LOGGED_PER_BATCH:])
    if unsaid:
        _log.warning("%d further candles of this batch were not taken", unsaid, extra={"partition": partition})
