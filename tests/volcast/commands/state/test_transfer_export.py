"""The export: the state as of the last commit, whatever the snapshots lack; read without disturbing whoever consumes."""

import pytest

from consumer.shard import Shard
from tests.log_ends import fill, records_of
from tests.volcast.commands.consumed_log import candles, consume, consuming, rules
from volcast.commands.state.transfer import snapshots_of, whole_shards
from volcast.core.snapshot import describe_snapshot
from volcast.log.contract import Commit, KeyValue, Log, Topic
from volcast.log.sqlite.log import SqliteLog

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


async def undisturbed(log: Log) -> list[bytes]:
    """The state of one who has taken in all of it and was never interrupted."""
    shard = Shard(rules())
    shard.process(await records_of(log, Topic.CANDLES))
    return snapshots_of({0: shard})


@pytest.mark.parametrize("snapshot_records", [1, 40, 5_000])
async def test_it_is_the_state_after_the_last_commit_however_rare_snapshots_are(snapshot_records: int) -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, [*candles(range(70), SYMBOLS), KeyValue(b"BTCUSDT", b"?"), *candles([3], SYMBOLS)])
        await consume(log, snapshot_records)
        expected = await undisturbed(log)
        await fill(log, candles(range(70, 90), SYMBOLS))  # nobody has consumed these
        found = snapshots_of(await whole_shards(log))
    assert found == expected
    assert [describe_snapshot(raw).symbol for raw in found] == list(SYMBOLS)


async def test_nothing_consumed_is_no_state() -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, candles(range(3)))
        assert not snapshots_of(await whole_shards(log))


async def test_a_consumer_that_runs_is_not_disturbed() -> None:
    async with SqliteLog(":memory:") as log, consuming(log, 40) as worker:
        await fill(log, candles(range(50), SYMBOLS))
        await worker.drained()
        assert len(snapshots_of(await whole_shards(log))) == 3
        await fill(log, candles(range(50, 60), SYMBOLS))
        await worker.drained()
        assert (worker.stats.restores, worker.stats.fencings, worker.stats.failed_commits) == (1, 0, 0)
        assert len(await records_of(log, Topic.SIGNALS)) == 180


async def test_a_damaged_snapshot_is_rebuilt_from_the_log() -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, candles(range(50), SYMBOLS))
        await consume(log, 1)
        async with log.consumer() as consumer:
            restored = await consumer.open(0)
            damaged = KeyValue(b"ETHUSDT", b"VCS1" + bytes(99))
            await consumer.commit(0, Commit(restored.position, snapshots=[damaged]))
        shards = await whole_shards(log)
        assert shards[0].state.unusable == {"ETHUSDT": "it is damaged: its checksum does not fit"}
        assert snapshots_of(shards) == await undisturbed(log)
