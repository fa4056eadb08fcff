"""The state as a consumer would hold it now, read without disturbing one: the last snapshots, and what they lack replayed."""

from collections import defaultdict
from collections.abc import Mapping

from consumer.shard import Rules, Shard
from volcast.core import snapshot
from volcast.log.contract import Log, Record, Topic

from .main import UserError

_READ_RECORDS = 1_000
_READ_S = 0.2


async def whole_shards(log: Log, rules: Rules) -> Mapping[int, Shard]:
    """-> the shard of each partition, at the position of its last commit. Raises UserError where the settings are others than the
    state's: the numbers would be others, too.
    """
    shards = {partition: Shard(rules, restored) for partition, restored in (await log.peek()).items()}
    for shard in shards.values():
        if shard.changed_settings:
            raise UserError(f"these are not the settings of the state: {shard.changed_settings}")
    if any(shard.restoring for shard in shards.values()):
        await _replay(log, shards)
    return shards


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
