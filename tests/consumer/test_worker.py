"""The worker on a real log: whatever fails, it commits what a run without failures commits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from consumer.rules import Rules
from consumer.shard import Shard
from consumer.stats import records_processed
from consumer.worker import Worker
from tests.consumer.test_shard import state_of
from tests.flaky_log import Fault, FlakyLog
from tests.log_access import fill, records_of
from tests.market import at, prices, record
from tests.stories.waiting import until
from volcast.core.codec import decode_signal, encode_signal
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig, Restoring, Signal
from volcast.log.contract import Commit, KeyValue, Log, Record, Topic
from volcast.log.sqlite.log import SqliteLog

RULES = Rules(EngineConfig(), Decoder(), max_symbols=10, snapshot_records=50)
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def stream(minutes: int) -> list[KeyValue]:
    """Two symbols in turn, with some bad rows and duplicates."""
    items = [
        KeyValue(symbol.encode(), record(minute, "NaN" if minute % 50 == 7 else close, symbol=symbol))
        for minute, close in enumerate(prices(minutes))
        for symbol in SYMBOLS
    ]
    return [twin for i, item in enumerate(items) for twin in [item] * (2 if i % 40 == 11 else 1)]


STREAM, NEXT_MINUTE = stream(150), 150


def expected_commit(items: list[KeyValue], rules: Rules = RULES) -> Commit:
    """The commit of a shard that processes all records at once."""
    commit = Shard(rules).process([Record(0, i + 1, *item) for i, item in enumerate(items)]).commit
    assert commit is not None
    return commit


def pairs(records: list[Record]) -> list[KeyValue]:
    return [KeyValue(record.key, record.value) for record in records]


@asynccontextmanager
async def working(log: Log, rules: Rules = RULES, batch_records: int = 20) -> AsyncIterator[Worker]:
    """A running worker; if it fails, so does the test."""
    worker = Worker(log, rules, batch_records, Random(1))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        yield worker
        running.cancel()


def processed(worker: Worker) -> int:
    return records_processed(worker.shards.values())


async def restored_shard(log: Log) -> Shard:
    """A shard that has been restored from the last commit."""
    async with log.consumer() as consumer:
        shard = Shard(RULES, await consumer.open(0))
        await consumer.seek(0, shard.replay_from)
        while shard.restoring:
            assert shard.process((await consumer.poll(10, 0.1))[0]).commit is None
        return shard


async def test_every_record_on_the_log_is_processed_and_committed() -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, STREAM)
        async with working(log) as worker:
            await worker.drained()
            assert processed(worker) == len(STREAM)
            assert sum(worker.stats.commits.counts) == -(-len(STREAM) // 20)
            assert (worker.stats.restores, worker.stats.fencings, worker.stats.failed_commits) == (1, 0, 0)
        expected = expected_commit(STREAM)
        assert pairs(await records_of(log, Topic.SIGNALS)) == expected.signals
        assert pairs(await records_of(log, Topic.REJECTED)) == expected.rejects
        shard = await restored_shard(log)
        assert shard.position == expected.position
        assert records_processed([shard]) == len(STREAM)


async def test_the_latency_of_a_live_signal_is_measured_at_its_commit() -> None:
    fields = {"live": True, "closed_by": "flag"}
    items = [record(0, "1.00"), *(record(minute, "1.00", **fields) for minute in (1, 2, 4))]
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", item) for item in items])
        # 1.5 s after the end of minute 2; minute 4 is not over by this clock.
        worker = Worker(log, RULES, 20, Random(1), wall_clock=lambda: at(3) / 1_000 + 1.5)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(worker.run())
            await worker.drained()
            running.cancel()
    durations = worker.stats.close_to_signal
    assert durations.total_s == 61.5 + 1.5 + 0
    assert dict(zip(durations.bounds_s, durations.counts, strict=False)) == dict.fromkeys(durations.bounds_s, 0) | {
        0.05: 1,
        2.5: 1,
        120.0: 1,
    }


async def test_drained_does_not_trust_an_empty_poll_that_began_before_the_call() -> None:
    async with FlakyLog(SqliteLog(":memory:")) as log, asyncio.TaskGroup() as tasks, working(log) as worker:
        drained: list[asyncio.Task[None]] = []

        async def append_and_ask() -> None:
            await fill(log, STREAM)
            drained.append(tasks.create_task(worker.drained()))
            await asyncio.sleep(0)

        log.at_empty_poll = append_and_ask
        await until(lambda: drained, "an empty poll")
        await drained[0]
        assert sum(worker.stats.commits.counts) == -(-len(STREAM) // 20)


async def test_a_partition_is_dropped_when_revoked_and_opened_again_when_assigned_again() -> None:
    async with FlakyLog(SqliteLog(":memory:")) as log, working(log) as worker:
        await fill(log, STREAM[:60])
        await worker.drained()
        log.assigned = {}
        await until(lambda: not worker.shards, "the partition to go")
        await fill(log, STREAM[60:100])
        async with log.consumer() as other:  # another consumer has the partition in the meantime
            shard = Shard(RULES, await other.open(0))
            await other.seek(0, shard.replay_from)
            commit = shard.process((await other.poll(100, 0.0))[0]).commit
            assert commit is not None
            await other.commit(0, commit)
        await fill(log, STREAM[100:])
        log.assigned = {0: 7}
        await worker.drained()
        assert (processed(worker), worker.stats.restores) == (len(STREAM), 2)
        log.assigned = {0: 8}  # another epoch: another consumer may have had the partition for a moment
        await worker.drained()
        assert (processed(worker), worker.stats.restores, worker.stats.fencings) == (len(STREAM), 3, 0)
        assert pairs(await records_of(log, Topic.SIGNALS)) == expected_commit(STREAM).signals


async def test_a_second_worker_continues_where_the_first_was_cancelled() -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, STREAM[:200])
        async with working(log) as first:
            await first.drained()
        await fill(log, STREAM[200:])
        async with working(log) as second:
            await second.drained()
            assert processed(second) == len(STREAM)
        assert pairs(await records_of(log, Topic.SIGNALS)) == expected_commit(STREAM).signals


async def test_a_worker_cancelled_at_any_moment_leaves_a_complete_log(tmp_path: Path) -> None:
    random = Random(1)
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, STREAM)
        for _ in range(25):
            async with working(log, batch_records=7):
                for _ in range(random.randrange(40)):
                    await asyncio.sleep(0)
        async with working(log) as last:
            await last.drained()
        assert pairs(await records_of(log, Topic.SIGNALS)) == expected_commit(STREAM).signals
        assert pairs(await records_of(log, Topic.REJECTED)) == expected_commit(STREAM).rejects


@pytest.mark.parametrize("fault", Fault)
async def test_after_a_failed_commit_the_shard_is_restored_from_the_log(fault: Fault) -> None:
    async with FlakyLog(SqliteLog(":memory:"), commits={2: fault}) as log:
        await fill(log, STREAM)
        async with working(log) as worker:
            await worker.drained()
            assert worker.stats.restores == 2
            assert worker.stats.fencings == (fault is Fault.FENCED)
            assert worker.stats.failed_commits == (fault is not Fault.FENCED)
            assert processed(worker) == len(STREAM)
        assert pairs(await records_of(log, Topic.SIGNALS)) == expected_commit(STREAM).signals


async def test_a_worker_fenced_while_opening_tries_again() -> None:
    async with FlakyLog(SqliteLog(":memory:")) as log:
        log.fenced_opens = 2
        await fill(log, STREAM)
        async with working(log) as worker:
            await worker.drained()
            assert (worker.stats.fencings, worker.stats.restores) == (2, 1)
        assert pairs(await records_of(log, Topic.SIGNALS)) == expected_commit(STREAM).signals


async def test_each_signal_is_written_once_under_any_faults() -> None:
    async def run_with_faults(seed: int) -> None:
        random = Random(seed)
        script = {at: random.choice(list(Fault)) for at in random.sample(range(20), random.randint(1, 12))}
        async with FlakyLog(SqliteLog(":memory:", poll_s=0.005), commits=script) as log:
            await fill(log, STREAM)
            async with working(log, batch_records=random.randint(10, 40)) as worker:
                await worker.drained()
            commit = expected_commit(STREAM)
            assert pairs(await records_of(log, Topic.SIGNALS)) == commit.signals, (seed, script)
            assert pairs(await records_of(log, Topic.REJECTED)) == commit.rejects, (seed, script)
            shard = await restored_shard(log)
            assert state_of(shard) == FINAL_STATE

    await asyncio.gather(*(run_with_faults(seed) for seed in range(12)))


def shard_after(items: list[KeyValue]) -> Shard:
    shard = Shard(RULES)
    shard.process([Record(0, i + 1, *item) for i, item in enumerate(items)])
    return shard


FINAL_STATE = state_of(shard_after(STREAM))


async def test_state_of_other_settings_is_rebuilt_without_writing_signals_again() -> None:
    other = replace(RULES, config=EngineConfig(window=20))
    async with SqliteLog(":memory:") as log:
        await fill(log, STREAM[:100])
        async with working(log) as worker:
            await worker.drained()
        async with working(log, other) as worker:
            await worker.drained()
            assert (worker.stats.rebuilds, processed(worker)) == (2, 100)
            await fill(log, STREAM[100:])
            await worker.drained()
        records = [decode_signal(record.value) for record in await records_of(log, Topic.SIGNALS)]
        before, after = expected_commit(STREAM[:100]).signals, expected_commit(STREAM, other).signals
        signals = [encode_signal(each) for each in records if isinstance(each, Signal)]
        assert signals == [pair.value for pair in [*before, *after[len(before) :]]]
        notices = [Restoring(symbol, done) for done in (False, True) for symbol in SYMBOLS]
        assert records[len(before) : len(before) + 4] == notices


async def test_a_rebuild_interrupted_at_any_moment_is_completed_later() -> None:
    random = Random(3)
    other = replace(RULES, config=EngineConfig(window=20))
    async with SqliteLog(":memory:", poll_s=0.001) as log:
        await fill(log, STREAM)
        async with working(log) as worker:
            await worker.drained()
        for _ in range(25):
            async with working(log, other, batch_records=7):
                for _ in range(random.randrange(60)):
                    await asyncio.sleep(0)
        following = KeyValue(b"BTCUSDT", record(NEXT_MINUTE, "42000.00"))
        await fill(log, [following])
        async with working(log, other) as worker:
            await worker.drained()
        *_, last = await records_of(log, Topic.SIGNALS)
        assert last.value == expected_commit([*STREAM, following], other).signals[-1].value


async def test_a_second_worker_stands_by_until_the_first_ends(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as one, SqliteLog(path) as two:
        await fill(one, STREAM[:100])
        async with working(two) as second:
            async with working(one) as first:
                await until(lambda: first.shards or second.shards, "one of them to begin")
                holder, standby = (first, second) if first.shards else (second, first)
                await holder.drained()
                assert processed(holder) == 100
                assert not standby.shards
            await fill(one, STREAM[100:])
            await second.drained()
            assert processed(second) == len(STREAM)
        assert pairs(await records_of(one, Topic.SIGNALS)) == expected_commit(STREAM).signals


async def test_rejected_and_skipped_candles_are_logged_a_few_per_batch(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "consumer")
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", record(minute, "NaN")) for minute in range(9)])
        await fill(log, [KeyValue(b"BTCUSDT", record(0, "1.00"))] * 3)
        async with working(log) as worker:
            await worker.drained()
    messages = [entry.getMessage() for entry in caplog.records]
    assert messages == [
        *["rejected: open is NaN; a finite number is expected"] * 5,
        *["duplicate candle skipped"] * 2,
        "4 more candles of this batch were not accepted",
    ]
    assert vars(caplog.records[0]) | {"symbol": "BTCUSDT", "reason": "not_a_number", "offset": 1, "line": 2} == vars(
        caplog.records[0]
    )
