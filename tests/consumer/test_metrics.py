"""The consumer's own /health, /ready and /metrics."""

import asyncio
from random import Random

import httpx
from prometheus_client.parser import text_string_to_metric_families

from consumer.metrics import worker_monitor
from consumer.rules import Rules
from consumer.shard import Shard
from consumer.worker import Worker
from tests.log_access import fill
from tests.market import at, record
from volcast.core.decoder import Decoder
from volcast.core.types import MINUTE_MS, EngineConfig
from volcast.log.contract import KeyValue, Log
from volcast.log.sqlite.log import SqliteLog
from volcast.timing.stall import StallDetector

RULES = Rules(EngineConfig(), Decoder(), max_symbols=10, snapshot_records=1)


def new_worker(log: Log) -> Worker:
    return Worker(log, RULES, 3, Random(1))


async def get(worker: Worker, path: str) -> httpx.Response:
    app = worker_monitor(worker, now=lambda: (at(6) + MINUTE_MS) / 1_000 + 100)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://consumer") as client:
        return await client.get(path)


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_show_the_work_of_the_process_and_the_counts_of_the_state() -> None:
    items = [record(0, "1.00"), record(5, "1.01"), record(5, "1.01"), record(3, "1.00"), record(6, "0"), b"?", record(6, "1.02")]
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", item) for item in items])
        worker = new_worker(log)
        running = asyncio.create_task(worker.run())
        await worker.drained()
        response = await get(worker, "/metrics")
        running.cancel()
        await asyncio.wait([running])
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(response.text)
    expected = {
        ("volcast_consumer_candles_total", "BTCUSDT", "accepted"): 3,
        ("volcast_consumer_candles_total", "BTCUSDT", "duplicate"): 1,
        ("volcast_consumer_candles_total", "BTCUSDT", "late"): 1,
        ("volcast_consumer_candles_total", "BTCUSDT", "gap"): 0,
        ("volcast_consumer_candles_total", "BTCUSDT", "revision"): 0,
        ("volcast_consumer_rejected_total", "0", "not_positive"): 1,
        ("volcast_consumer_rejected_total", "0", "unreadable"): 1,
        ("volcast_consumer_rejected_total", "0", "bad_time"): 0,
        ("volcast_consumer_partitions",): 1,
        ("volcast_consumer_restores_total",): 1,
        ("volcast_consumer_fencings_total",): 0,
        ("volcast_consumer_failed_commits_total",): 0,
        ("volcast_consumer_rebuilds_total",): 0,
        ("volcast_consumer_commit_seconds_count",): 3,
        ("volcast_consumer_commit_seconds_bucket", "+Inf"): 3,
        ("volcast_consumer_close_to_signal_seconds_count",): 0,
        ("prediction_latency_seconds_count",): 3,
        ("volcast_consumer_restored_ratio", "0"): 1,
        ("volcast_consumer_event_time_lag_seconds", "0"): 100,
    }
    assert expected.items() <= found.items()
    assert found["volcast_consumer_commit_seconds_sum",] > 0
    assert found["prediction_latency_seconds_sum",] > 0
    assert not [name for name in found if name[0] == "volcast_consumer_live_lag_seconds"]  # a replay has none


async def test_the_lag_of_live_candles_is_that_of_the_newest_one() -> None:
    live = dict[str, object](live=True, closed_by="next_trade", source="binance")
    items = [record(minute, "1.00", **live) for minute in (0, 1)] + [record(2, "1.00")]
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", item) for item in items])
        worker = new_worker(log)
        running = asyncio.create_task(worker.run())
        await worker.drained()
        found = samples((await get(worker, "/metrics")).text)
        running.cancel()
        await asyncio.wait([running])
    assert found["volcast_consumer_live_lag_seconds", "0"] == 5 * 60 + 100  # minute 1, seen 100 s after the end of minute 6
    assert found["volcast_consumer_event_time_lag_seconds", "0"] == 4 * 60 + 100


async def test_a_consumer_without_a_partition_has_metrics() -> None:
    found = samples((await get(new_worker(SqliteLog(":memory:")), "/metrics")).text)
    assert found["volcast_consumer_partitions",] == 0


async def test_a_consumer_that_waits_for_its_log_is_healthy() -> None:
    assert (await get(new_worker(SqliteLog(":memory:")), "/health")).status_code == 200


async def test_a_stuck_loop_is_not_healthy() -> None:
    async with SqliteLog(":memory:") as log:
        worker = new_worker(log)
        running = asyncio.create_task(worker.run())
        await worker.drained()
        healthy = await get(worker, "/health")
        running.cancel()
        await asyncio.wait([running])
    assert healthy.status_code == 200
    assert healthy.text.startswith("the consumer's loop last ran 0.")
    assert worker.stats.last_iteration_s is not None
    worker.stats.last_iteration_s -= 61
    stuck = await get(worker, "/health")
    assert (stuck.status_code, stuck.text.splitlines()[0]) == (503, "the consumer's loop is stuck")


async def test_a_partition_that_receives_candles_and_processes_none_is_not_healthy() -> None:
    worker = new_worker(SqliteLog(":memory:"))
    stall = worker.stalls[3] = StallDetector()
    stall.look(5, 0.0, end=6)
    for at_s, status in ((10.0, 200), (65.0, 200), (71.0, 503)):
        stall.look(5, at_s, end=9)
        assert (await get(worker, "/health")).status_code == status
    assert (await get(worker, "/health")).text.startswith(
        "partition 3 has processed nothing for 61 s although candles have arrived\n"
    )
    assert 'volcast_consumer_standstill_seconds{partition="3"} 61.0' in (await get(worker, "/metrics")).text
    stall.look(6, 80.0, end=9)
    assert (await get(worker, "/health")).status_code == 200


async def test_a_consumer_is_ready_once_it_has_come_to_the_end_of_the_log() -> None:
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", record(minute, "1.00")) for minute in range(10)])
        worker = new_worker(log)
        before = await get(worker, "/ready")
        running = asyncio.create_task(worker.run())
        await worker.drained()
        caught_up = await get(worker, "/ready")
        running.cancel()
        await asyncio.wait([running])
        after = await get(worker, "/ready")
    end = "the consumer has not come to the end of the log yet\nthe consumer holds 0 partitions\n"
    assert (before.status_code, before.text) == (503, end)
    assert (caught_up.status_code, caught_up.text) == (200, "the consumer holds 1 partitions\n")
    assert (after.status_code, after.text) == (503, end)


async def test_a_consumer_is_not_ready_while_it_restores() -> None:
    worker = new_worker(SqliteLog(":memory:"))
    worker.stats.is_behind = False
    assert (await get(worker, "/ready")).status_code == 200
    shard = worker.shards[3] = Shard(RULES)
    shard.answered_below = 4  # a state at offset 4 whose snapshots are older
    found = await get(worker, "/ready")
    assert (found.status_code, found.text) == (503, "partition 3 is restored to 0%\nthe consumer holds 1 partitions\n")
    assert (await get(worker, "/health")).status_code == 200  # a restart would only begin again
