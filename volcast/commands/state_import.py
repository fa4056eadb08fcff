"""State from a file onto a log: each symbol's snapshot into its partition, one atom a partition, and nothing over what is there.

It works as a consumer does: it is given the partitions, opens them, and commits. So one that runs is never written over.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping

from volcast.core.snapshot import moved
from volcast.log.contract import Busy, Commit, Consumer, KeyValue, Log, Mismatch, Restored, Topic

from .state_file import SymbolState

_ASK_AGAIN_S = 0.1
_READ_RECORDS = 1_000
_READ_S = 0.2
_NAMED = 5


class Import:
    """One import of these states. `patience_s`: how long to wait until all their partitions are ours."""

    def __init__(self, states: Mapping[str, SymbolState], patience_s: float, *, force: bool) -> None:
        self._states, self._patience_s, self._force = states, patience_s, force

    async def run(self, log: Log) -> int:
        """-> the number of partitions that were written. Raises Busy where a consumer runs, Mismatch where state is there.

        Done twice, it changes nothing the second time; broken off, it may be done again.
        """
        by_partition = defaultdict[int, dict[bytes, bytes]](dict)
        for symbol, state in self._states.items():
            by_partition[log.partition_of(symbol.encode())][symbol.encode()] = state.raw
        async with log.consumer() as consumer:
            await self._hold(consumer, {0, *by_partition})
            found = await log.peek()
            await self._check(log, {partition: found[partition] for partition in by_partition}, by_partition)
            if 0 not in by_partition:
                await consumer.open(0)  # its state tells how many partitions there are
                await consumer.close(0)
            for partition, snapshots in sorted(by_partition.items()):
                restored = await consumer.open(partition)
                await self._check(log, {partition: restored}, by_partition)
                records = [KeyValue(key, moved(raw, restored.position)) for key, raw in sorted(snapshots.items())]
                await consumer.commit(partition, Commit(restored.position, snapshots=records, replay_from=restored.replay_from))
                await consumer.close(partition)
        return len(by_partition)

    async def _hold(self, consumer: Consumer, wanted: Collection[int]) -> None:
        """Wait until the partitions are given to us; a group may have to find out first that a former member is dead."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._patience_s
        while not set(wanted) <= set(await consumer.assignment()):
            if loop.time() > until_s:
                raise Busy("a consumer works on this log: stop all of them, import, and start them again")
            await consumer.poll(1, _ASK_AGAIN_S)  # nothing is open: it only shows the group that we are there

    async def _check(self, log: Log, found: Mapping[int, Restored], by_partition: Mapping[int, Mapping[bytes, bytes]]) -> None:
        """Raises Mismatch where a symbol has other state, or has been consumed since the last snapshots."""
        if self._force:
            return
        consumed = await _lacking(log, found)
        there = {
            key.decode()
            for partition, restored in found.items()
            for key, raw in by_partition[partition].items()
            if (key in restored.snapshots or key in consumed) and restored.snapshots.get(key) != moved(raw, restored.position)
        }
        if there:
            names = ", ".join(sorted(there)[:_NAMED]) + (" and others" if len(there) > _NAMED else "")
            raise Mismatch(
                f"the log already has state of {names}: import into another log, or say --force to put the file's in its place"
            )


async def _lacking(log: Log, found: Mapping[int, Restored]) -> set[bytes]:
    """The keys of the candles that were consumed, and stand in no snapshot yet."""
    keys: set[bytes] = set()
    if all(restored.replay_from == restored.position for restored in found.values()):
        return keys
    async with log.reader(Topic.CANDLES) as reader:
        while not reader.caught_up:
            for record in await reader.read(_READ_RECORDS, _READ_S):
                restored = found.get(record.partition)
                if restored and restored.replay_from <= record.offset < restored.position:
                    keys.add(record.key)
    return keys
