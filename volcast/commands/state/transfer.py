"""Reads the current state of a log for an export, without disturbing its consumer, and writes an exported state to a log.

The current state is what a consumer has in memory: the last snapshots, with the candles since then replayed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress

from consumer.checkpoint import with_values
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
_POLL_S = 0.1
_MAX_NAMES = 5


async def current_shards(log: Log) -> Mapping[int, Shard]:
    """Return the shard of each partition at the position of its last commit, with the settings that it was made with."""
    shards = {partition: Shard(recorded_rules(restored), restored) for partition, restored in (await log.peek()).items()}
    if any(shard.restoring for shard in shards.values()):
        await _replay(log, shards)
    return shards


def recorded_rules(restored: Restored) -> Rules:
    """Return the rules that the state was made with: those that it records, or, just after an import, those of its snapshots."""
    if recorded := read_settings(restored.snapshots):
        decoder = Decoder(recorded.price_decimals, recorded.price_decimals_by_symbol)
        return Rules(recorded.engine, decoder, recorded.max_symbols, 1, allowed_symbols=recorded.allowed_symbols)
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
            missing = defaultdict[int, list[Record]](list)
            for record in await reader.read(_READ_RECORDS, _READ_S):
                shard = shards[record.partition]
                if shard.next_offset <= record.offset < shard.position:
                    missing[record.partition].append(record)
            for partition, records in missing.items():
                shards[partition].process(records)


def encode_snapshots(shards: Mapping[int, Shard]) -> list[bytes]:
    """Return the snapshots of all symbols, sorted by symbol, so that equal states give equal files."""
    found = [
        (symbol, snapshot.encode_snapshot(engine, shard.position, shard.counts[symbol]))
        for shard in shards.values()
        for symbol, engine in shard.engines.items()
    ]
    return [raw for _, raw in sorted(found)]


class StateImport:
    """Imports the states of symbols into a log; it waits up to `timeout_s` seconds to be assigned their partitions."""

    def __init__(self, states: Mapping[str, SymbolState], timeout_s: float, *, force: bool) -> None:
        self._states, self._timeout_s, self._force = states, timeout_s, force

    async def run(self, log: Log) -> int:
        """Write the states and return the number of partitions written to; repeating an import changes nothing.

        Raises Busy if a consumer is running, and Mismatch if the log has other state of a symbol and `force` is not set.
        """
        by_partition = defaultdict[int, dict[bytes, bytes]](dict)
        for symbol, state in self._states.items():
            by_partition[log.partition_of(symbol.encode())][symbol.encode()] = state.raw
        async with log.consumer() as consumer:
            await self._acquire(consumer, {0, *by_partition})
            found = await log.peek()
            await self._check(log, {partition: found[partition] for partition in by_partition}, by_partition)
            if 0 not in by_partition:
                await consumer.open(0)  # the state of partition 0 records the number of partitions
                await consumer.close(0)
            for partition, snapshots in sorted(by_partition.items()):
                restored = await consumer.open(partition)
                await self._check(log, {partition: restored}, by_partition)
                records = [KeyValue(key, moved(raw, restored.position)) for key, raw in sorted(snapshots.items())]
                changed = with_values(restored, records)
                await consumer.commit(partition, Commit(restored.position, snapshots=changed, replay_from=restored.replay_from))
                await consumer.close(partition)
        return len(by_partition)

    async def _acquire(self, consumer: Consumer, partitions: Collection[int]) -> None:
        """Wait until the partitions are assigned to `consumer`; a group may first have to notice that an old member is dead."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._timeout_s
        while not set(partitions) <= set(await consumer.assignment()):
            if loop.time() > deadline_s:
                raise Busy("a consumer is using this log: stop all consumers, import, and start them again")
            await consumer.poll(1, _POLL_S)  # no partition is open: polling keeps the membership of the group alive

    async def _check(self, log: Log, found: Mapping[int, Restored], by_partition: Mapping[int, Mapping[bytes, bytes]]) -> None:
        """Raise Mismatch if a symbol has other state, or candles that were consumed since the last snapshots."""
        if self._force:
            return
        consumed = await _keys_without_snapshot(log, found)
        conflicts = {
            key.decode()
            for partition, restored in found.items()
            for key, raw in by_partition[partition].items()
            if (key in restored.snapshots or key in consumed) and restored.snapshots.get(key) != moved(raw, restored.position)
        }
        if conflicts:
            names = ", ".join(sorted(conflicts)[:_MAX_NAMES]) + (" and others" if len(conflicts) > _MAX_NAMES else "")
            raise Mismatch(f"the log already has state of {names}: import into another log, or use --force to overwrite it")


async def _keys_without_snapshot(log: Log, found: Mapping[int, Restored]) -> set[bytes]:
    """Return the keys of the candles that were consumed, but are not in a snapshot yet."""
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
