"""How long a stop writes snapshots: as long as it gets on. In virtual time."""

import asyncio
from dataclasses import replace
from itertools import count

from consumer.commits import _SNAPSHOTS_S, write_snapshots
from consumer.shard import Shard
from tests.consumer.test_shard import RULES, candle_of, records
from volcast.log.contract import Commit
from volcast.proof.virtual_time import run

MANY = 450
"""More than four commits of snapshots."""


def shards_with_snapshots() -> dict[int, Shard]:
    """Return the shards of two partitions, each with many symbols of which no snapshot is written."""
    rules = replace(RULES, max_symbols=MANY, snapshot_records=1_000_000)
    shards = {}
    for partition in range(2):
        shards[partition] = Shard(rules)
        shards[partition].process(records(*(candle_of(f"S{number}", 0) for number in range(MANY))))
    return shards


def test_all_snapshots_are_written_if_each_commit_is_written_in_time() -> None:
    shards = shards_with_snapshots()
    written = dict.fromkeys(shards, 0)

    async def commit(partition: int, snapshots: Commit) -> bool:
        await asyncio.sleep(0.8 * _SNAPSHOTS_S)
        written[partition] += sum(not key.startswith(b"@") for key, _ in snapshots.snapshots)
        return True

    run(write_snapshots(shards, commit))
    assert written == dict.fromkeys(shards, MANY)
    assert all(shard.last_snapshots() is None for shard in shards.values())


def test_a_stop_ends_when_a_commit_gets_no_answer() -> None:
    shards, begun = shards_with_snapshots(), count()

    async def commit(_partition: int, _snapshots: Commit) -> bool:
        await asyncio.sleep(0.1 if next(begun) < 2 else 1e6)
        return True

    async def elapsed_s() -> float:
        await write_snapshots(shards, commit)
        return asyncio.get_running_loop().time()

    assert run(elapsed_s()) <= 0.2 + _SNAPSHOTS_S + 0.001
    assert next(begun) == 3


def test_a_partition_that_is_lost_does_not_keep_the_others_from_being_written() -> None:
    shards, tried = shards_with_snapshots(), list[int]()

    async def commit(partition: int, _snapshots: Commit) -> bool:
        tried.append(partition)
        return partition == 1

    run(write_snapshots(shards, commit))
    assert tried == [0, 1, 1, 1, 1, 1]
