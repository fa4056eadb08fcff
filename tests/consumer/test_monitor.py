"""The consumer's own /health and /metrics."""

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families

from consumer.monitor import monitor
from consumer.shard import Rules
from consumer.worker import Worker
from tests.log_ends import fill
from tests.market import record
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import KeyValue
from volcast.log.sqlite import SqliteLog

RULES = Rules(EngineConfig(), Decoder(), max_symbols=10)


class Clock:
    """Stands still until it is moved."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def get(worker: Worker, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(monitor(worker)), base_url="http://consumer") as client:
        return await client.get(path)


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_tell_what_the_worker_did_and_what_the_stream_holds() -> None:
    items = [record(0, "1.00"), record(5, "1.01"), record(5, "1.01"), record(3, "1.00"), record(6, "0"), b"?", record(6, "1.02")]
    async with SqliteLog(":memory:") as log:
        await fill(log, [KeyValue(b"BTCUSDT", item) for item in items])
        worker = Worker(log, RULES, 3)
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
        ("volcast_consumer_rejected_total", "not_positive"): 1,
        ("volcast_consumer_rejected_total", "unreadable"): 1,
        ("volcast_consumer_partitions",): 1,
        ("volcast_consumer_restores_total",): 1,
        ("volcast_consumer_fencings_total",): 0,
        ("volcast_consumer_failed_commits_total",): 0,
        ("volcast_consumer_commit_seconds_count",): 3,
    }
    assert expected.items() <= found.items()
    assert found["volcast_consumer_commit_seconds_sum",] > 0


async def test_an_idle_consumer_has_metrics_too() -> None:
    found = samples((await get(Worker(SqliteLog(":memory:"), RULES, 3), "/metrics")).text)
    assert found["volcast_consumer_partitions",] == 0


async def test_a_consumer_that_waits_for_its_log_is_healthy() -> None:
    clock = Clock()
    worker = Worker(SqliteLog(":memory:"), RULES, 3, now=clock)
    clock.now_s += 1_000
    assert (await get(worker, "/health")).status_code == 200


async def test_a_loop_that_does_not_turn_is_not_healthy() -> None:
    clock = Clock()
    async with SqliteLog(":memory:") as log:
        worker = Worker(log, RULES, 3, now=clock)
        running = asyncio.create_task(worker.run())
        await worker.drained()
        healthy = await get(worker, "/health")
        running.cancel()
        await asyncio.wait([running])
    assert (healthy.status_code, healthy.text) == (200, "the loop turned 0.0 s ago\n")
    clock.now_s += 61
    stuck = await get(worker, "/health")
    assert (stuck.status_code, stuck.text) == (503, "the loop turned 61.0 s ago\n")
