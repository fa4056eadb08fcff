"""The state as a consumer would hold it now, read without disturbing one: the last snapshots, and what they lack replayed."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

from consumer import made_with
from consumer.shard import Rules, Shard
from volcast.core import snapshot
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import Log, Record, Restored, Topic

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
    if told := made_with.decode(restored.snapshots.get(made_with.KEY)):
        decoder = Decoder(told.price_decimals, told.price_decimals_by_symbol)
        return Rules(told.engine, decoder, told.max_symbols, snapshot_records=1)
    described = []
    for raw in restored.snapshots.values():
        with suppress(snapshot.SnapshotError):
            described.append(snapshot.describe(raw))
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
        (symbol, snapshot.encode(engine, shard.position, shard.counts[symbol]))
        for shard in shards.values()
        for symbol, engine in shard.engines.items()
    ]
    return [raw for _, raw in sorted(found)]
