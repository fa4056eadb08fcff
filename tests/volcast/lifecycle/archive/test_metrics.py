"""The archiver's metrics and its answers to a supervisor, while it works and while the store is away."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from tests.log_access import TIMEOUT_S
from tests.volcast.lifecycle.archive.archiving import FaultyStore, archiver, fill_log
from volcast.lifecycle.archive.folder import FolderStore
from volcast.lifecycle.archive.metrics import ArchiverCollector, archiver_monitor
from volcast.lifecycle.archive.run import Archiver
from volcast.lifecycle.archive.store import StoreUnavailable
from volcast.log.sqlite.log import SqliteLog


def value(found: Archiver, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(ArchiverCollector(found))
    return registry.get_sample_value(f"volcast_archive_{name}", labels)


async def test_the_counts_are_of_what_was_archived(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(10))
        found = archiver(log, FolderStore(tmp_path / "archive"), rows=20)
        assert value(found, "last_commit_timestamp_seconds") is None
        assert TestClient(archiver_monitor(found)).get("/ready").status_code == 503
        await found.run()
    assert value(found, "records_total", topic="signals") == 20.0
    assert value(found, "commits_total") == found.stats.commits > 1
    files = list((tmp_path / "archive/data").rglob("*.parquet"))
    assert value(found, "files_total") == len(files)
    assert value(found, "bytes_total") == sum(each.stat().st_size for each in files)
    assert value(found, "last_commit_timestamp_seconds") == 1_800_000_000.0


async def test_it_is_ready_once_it_has_come_to_the_end(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(3))
        found = archiver(log, FolderStore(tmp_path / "archive"), once=False, every_s=0.1)
        running = asyncio.create_task(found.run())
        async with asyncio.timeout(TIMEOUT_S):
            while not found.stats.is_caught_up:
                await asyncio.sleep(0.02)
        with TestClient(archiver_monitor(found)) as client:
            assert client.get("/ready").status_code == 200
            health = client.get("/health")
            assert (health.status_code, health.text[:28]) == (200, "the archiver's loop last ran")
            assert "volcast_archive_caught_up 1.0" in client.get("/metrics").text
        assert found.behind_s < TIMEOUT_S
        running.cancel()
        await asyncio.wait([running])


async def test_it_is_behind_while_the_store_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And healthy: a restart would not help."""
    monkeypatch.setattr("volcast.log.retry.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("volcast.log.retry.MAX_PAUSE_S", 0.01)
    attempts = 0

    def fail(_place: int) -> None:
        nonlocal attempts
        attempts += 1
        raise StoreUnavailable("away")

    async with SqliteLog(tmp_path / "log.db") as log:
        found = archiver(log, FaultyStore(FolderStore(tmp_path / "archive"), fail), once=False)
        running = asyncio.create_task(found.run())
        async with asyncio.timeout(TIMEOUT_S):
            while attempts < 4:
                await asyncio.sleep(0.02)
        before = found.behind_s
        async with asyncio.timeout(TIMEOUT_S):
            while found.behind_s <= before or attempts < 8:
                await asyncio.sleep(0.02)
        assert found.idle_s == 0.0
        assert TestClient(archiver_monitor(found)).get("/health").status_code == 200
        running.cancel()
        await asyncio.wait([running])


async def test_a_loop_that_is_stuck_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volcast.lifecycle.archive.metrics._MAX_IDLE_S", -1.0)
    async with SqliteLog(tmp_path / "log.db") as log:
        found = archiver(log, FolderStore(tmp_path / "archive"))
        await found.run()
    answer = TestClient(archiver_monitor(found)).get("/health")
    assert (answer.status_code, answer.text.splitlines()[0]) == (503, "the archiver's loop is stuck")
