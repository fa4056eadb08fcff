"""The archive has each record of the log once: whenever the archiver ends, whoever archives beside it, whatever gets lost."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.log_access import TIMEOUT_S
from tests.volcast.lifecycle.archive.archiving import (
    FaultyStore,
    KilledError,
    archiver,
    fill_log,
    in_archive,
    names_in,
    on_log,
    rows_of,
    signal_records,
)
from volcast.lifecycle.archive.chain import load_state, read_commits
from volcast.lifecycle.archive.commits import decode_commit, seal_records
from volcast.lifecycle.archive.folder import FolderStore
from volcast.lifecycle.archive.layout import ARCHIVE_TABLES
from volcast.lifecycle.archive.store import ObjectStore, StoreUnavailable
from volcast.log.contract import Commit, Log, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.simulated_log.broker import SimulatedBroker
from volcast.proof.simulated_log.log import SimulatedLog

OpenLog = Callable[[], Log]


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.slow), "simulated"])
async def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLog]:
    """A function that opens a log; all that a test opens are the same."""
    if request.param == "kafka":
        bootstrap, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")
        yield lambda: KafkaLog(bootstrap, prefix=prefix, partitions=3, session_timeout_ms=6_000)
    elif request.param == "sqlite":
        yield lambda: SqliteLog(tmp_path / "log.db")
    else:
        broker = SimulatedBroker(3)
        yield lambda: SimulatedLog(broker)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "archive")


async def archive_all(log: Log, store: ObjectStore, **config: Any) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        await archiver(log, store, **config).run()


async def test_the_archive_has_each_record_of_the_log(open_log: OpenLog, store: FolderStore) -> None:
    async with open_log() as log:
        await fill_log(log, range(30))
        await archive_all(log, store)
        assert in_archive(store) == await on_log(log)
        assert load_state(store).number > 3


async def test_a_second_run_goes_on_and_writes_nothing_twice(open_log: OpenLog, store: FolderStore, tmp_path: Path) -> None:
    async with open_log() as log:
        await fill_log(log, range(12))
        await archive_all(log, store)
        before = names_in(tmp_path / "archive")
        await archive_all(log, store)
        assert {name for name in names_in(tmp_path / "archive") - before if name.startswith("data")} == set()
        await fill_log(log, range(12, 25))
        await archive_all(log, store)
        assert in_archive(store) == await on_log(log)


async def test_the_tables_do_not_depend_on_where_it_was_cut(open_log: OpenLog, store: FolderStore, tmp_path: Path) -> None:
    """Also those that compare each signal with the one before."""
    whole = FolderStore(tmp_path / "whole")
    async with open_log() as log:
        await fill_log(log, range(25))
        await archive_all(log, store, rows=7)
        await archive_all(log, whole, rows=100_000)
    assert load_state(store).number > load_state(whole).number
    for table in ARCHIVE_TABLES:
        assert rows_of(store, table).equals(rows_of(whole, table)), table
    assert rows_of(store, "drift_events")["event"].value_counts(sort=True).rows() != []


async def test_it_may_be_killed_before_and_after_any_write(tmp_path: Path) -> None:
    """Each of these moments once. What the killed one has left of a commit does not count."""
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(4))
        expected = await on_log(log)
        for moment in itertools.count():
            store = FolderStore(tmp_path / f"archive{moment}")
            moments = itertools.count()

            def die(_place: int, moments: "itertools.count[int]" = moments, moment: int = moment) -> None:
                if next(moments) == moment:
                    raise KilledError

            faulty = FaultyStore(store, die)
            try:
                await archive_all(log, faulty, rows=15)
            except KilledError:
                await archive_all(log, store, rows=15)
                assert in_archive(store) == expected, moment
            else:
                assert moment > 20
                break


@pytest.mark.parametrize("seed", range(5))
async def test_lost_answers_change_nothing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the write had happened or not."""
    monkeypatch.setattr("volcast.log.retry.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("volcast.log.retry.MAX_PAUSE_S", 0.01)
    random, lock = Random(seed), threading.Lock()

    def lose(_place: int) -> None:
        with lock:
            if random.random() < 0.1:
                raise StoreUnavailable("no answer")

    store = FolderStore(tmp_path / "archive")
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill_log(log, range(12))
        await archive_all(log, FaultyStore(store, lose), rows=30)
        assert in_archive(store) == await on_log(log)


async def test_of_two_archivers_one_writes_each_commit(open_log: OpenLog, store: FolderStore) -> None:
    async with open_log() as log, open_log() as other:
        filling = asyncio.create_task(fill_log(log, range(40)))
        archivers = [archiver(each, store, seed, once=False, every_s=0.1, rows=25) for seed, each in enumerate((log, other))]
        running = [asyncio.create_task(each.run()) for each in archivers]
        await filling
        await asyncio.sleep(1.0)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await archive_all(log, store)
        assert in_archive(store) == await on_log(log)
    assert sum(each.stats.overtaken for each in archivers) > 0, "they have met"
    numbers = [number for number, _ in read_commits(store)]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_the_seals_are_of_the_signals_on_the_log(open_log: OpenLog, store: FolderStore) -> None:
    async with open_log() as log:
        await fill_log(log, range(10))
        await archive_all(log, store, rows=20)
        signals = (await on_log(log))[Topic.SIGNALS]
    seals = [seal for _, raw in read_commits(store) for seal in decode_commit(raw).seals]
    assert sum(seal.signals for seal in seals) == len(signals)
    for seal in seals:
        own = [each for each in signals if each.partition == seal.partition and seal.first <= each.offset <= seal.last]
        assert seal.sha256 == seal_records((each.offset, each.key, each.value) for each in own)


async def test_forecasts_are_sealed_before_half_of_their_horizon(tmp_path: Path, store: FolderStore) -> None:
    """A horizon of one minute makes 30 seconds of any longer time that was asked for."""
    async with SqliteLog(tmp_path / "log.db") as log:
        async with log.consumer() as consumer:
            await consumer.assignment()
            await consumer.open(0)
            await consumer.commit(0, Commit(1, signal_records(range(3), ["BTCUSDT"])))
        found = archiver(log, store, every_s=3_600.0)
        await found.run()
        assert found.stats.commits == 1
        assert found.every_s == 1_800.0
