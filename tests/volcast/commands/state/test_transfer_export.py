"""The export: the state as of the last commit, complete although snapshots are older, without disturbing the consumer."""

import pytest

from consumer.shard import Shard
from tests.log_access import fill, records_of
from tests.volcast.commands.consumed_log import candles, consume, consuming, rules
from volcast.commands.state.transfer import current_shards, encode_snapshots
from volcast.core.snapshot import describe_snapshot
from volcast.log.contract import Commit, KeyValue, Log, Topic
from volcast.log.sqlite.log import SqliteLog

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


async def expected_state(log: Log) -> list[bytes]:
    """Return the state of a consumer that has processed all candles without an interruption."""
    shard = Shard(rules())
    shard.process(await records_of(log, Topic.CANDLES))
    return encode_snapshots({0: shard})


@pytest.mark.parametrize("snapshot_records", [1, 40, 5_000])
async def test_the_export_is_the_state_after_the_last_commit(snapshot_records: int) -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, [*candles(range(70), SYMBOLS), KeyValue(b"BTCUSDT", b"?"), *candles([3], SYMBOLS)])
        await consume(log, snapshot_records, killed=True)
        expected = await expected_state(log)
        await fill(log, candles(range(70, 90), SYMBOLS))  # not consumed
        found = encode_snapshots(await current_shards(log))
    assert found == expected
    assert [describe_snapshot(raw).symbol for raw in found] == list(SYMBOLS)


async def test_a_log_that_was_never_consumed_has_no_state() -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, candles(range(3)))
        assert not encode_snapshots(await current_shards(log))


async def test_a_running_consumer_is_not_disturbed() -> None:
    async with SqliteLog(":memory:") as log, consuming(log, 40) as worker:
        await fill(log, candles(range(50), SYMBOLS))
        await worker.drained()
        assert len(encode_snapshots(await current_shards(log))) == 3
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
        shards = await current_shards(log)
        assert shards[0].state.unusable == {"ETHUSDT": "its checksum does not match: it is damaged"}
        assert encode_snapshots(shards) == await expected_state(log)
