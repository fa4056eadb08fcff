"""The state as a consumer would hold it now, read without disturbing one: the last snapshots, and what they lack replayed."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress

from consumer.partition_state import read_settings
from consumer.rules import Rules
from consumer.shard import Shard
from volcast.core import snapshot
from volcast.core.decoder import Decoder
from volcast.core.snapshot import moved
from volcast.core.types import EngineConfig
from volcast.log.contract import Busy, Commit, Consumer, KeyValue, Log, Mismatch, Record, Restored, Topic

from .file import SymbolState

_READ_RECORDS = 1_000
_READ_S = 0.2


async def whole_shards(log: Log) -> Mapping[int, Shard]:
    """-> the shard of each partition, at the position of its last commit, with the settings that it was made with."""
    shards = {partition: Shard(rules_of(restored), restored) for partition, restored in (await log.peek()).items()}
    if any(shard.restoring for shard in shards.values()):
        await _replay(log, shards)
    return shards


def rules_of(restored: Restored) -> Rules:
    """By which the state says that it was made; where it doesn't, as it was just imported, those of its snapshots."""
    if told := read_settings(restored.snapshots):
        decoder = Decoder(told.price_decimals, told.price_decimals_by_symbol)
        return Rules(told.engine, decoder, told.max_symbols, snapshot_records=1)
    described = []
    for raw in restored.snapshots.values():
        with suppress(snapshot.SnapshotError):
            described.append(snapshot.describe_snapshot(raw))
    config = described[0].config if described else EngineConfig()
    decoder = Decoder(by_symbol={each.symbol: each.price_decimals for each in described})
    return Rules(config, decoder, max(len(described), 1), snapshot_records=1)


async def _replay(log: Log, shards: Mapping[int, Shard]) -> None:
    async with log.reader(Topic.CANDLES) as reader:
        while not reader.caught_up and any(shard.restoring for shard in shards.values()):
            lacking = defaultdict[int, list[Record]](list)
            for record in await reader.read(_READ_RECORDS, _READ_S):
                shard = shards[record.partition]
                if shard.next_offset <= record.offset < shard.position:
                    lacking[record.partition].append(record)
            for partition, records in lacking.items():
                shards[partition].process(records)


def snapshots_of(shards: Mapping[int, Shard]) -> list[bytes]:
    """Of all symbols; by symbol, so that the same state is the same file."""
    found = [
        (symbol, snapshot.encode_snapshot(engine, shard.position, shard.counts[symbol]))
        for shard in shards.values()
        for symbol, engine in shard.engines.items()
    ]
    return [raw for _, raw in sorted(found)]


_ASK_AGAIN_S = 0.1
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
