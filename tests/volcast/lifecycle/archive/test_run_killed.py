"""`volcast archive` as a process that is killed at random moments while it archives, on a folder and on an S3 server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.command import process_group, volcast
from tests.forms import long_form
from tests.lifecycle.servers import S3Server
from tests.log_access import TIMEOUT_S
from tests.stories.waiting import until
from tests.volcast.lifecycle.archive.archiving import candle_records, fill_log, in_archive, on_log
from volcast.lifecycle.archive.chain import load_state
from volcast.lifecycle.archive.store import open_store
from volcast.log.contract import Log
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog

pytestmark = pytest.mark.slow
KILLS = long_form(short=3, long=25)
_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """A log and the root of its archive."""

    log: Log
    arguments: tuple[str, ...]
    root: str


@pytest.fixture(params=["sqlite-folder", "sqlite-s3", "kafka-folder"])
async def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    log_kind, store_kind = request.param.split("-")
    root = (tmp_path / "archive").as_uri()
    if store_kind == "s3":
        server: S3Server = request.getfixturevalue("seaweedfs")
        root = f"s3://volcast/{tmp_path.name}"
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
    if log_kind == "kafka":
        bootstrap, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")
        log: Log = KafkaLog(bootstrap, prefix=prefix, partitions=3, session_timeout_ms=6_000)
        arguments: tuple[str, ...] = ("--bus", f"kafka://{bootstrap}", "--topic-prefix", prefix, "--partitions", "3")
    else:
        log = SqliteLog(tmp_path / "log.db")
        arguments = ("--bus", f"sqlite:///{tmp_path}/log.db")
    async with log:
        yield Place(log, arguments, root)


async def fill_slowly(log: Log, done: asyncio.Event) -> int:
    """Write candles, signals and rejects until `done`; return the number of minutes."""
    minute = 0
    while not done.is_set():
        await fill_log(log, range(minute, minute + 4))
        minute += 4
        await asyncio.sleep(0.05)
    return minute


async def test_the_archive_has_each_record_whenever_the_archiver_is_killed(place: Place, tmp_path: Path) -> None:
    random, done = Random(1), asyncio.Event()
    filling = asyncio.create_task(fill_slowly(place.log, done))
    archive = ("archive", *place.arguments, "--to", place.root)
    store = open_store(place.root)
    numbers = [0]
    with process_group(tmp_path) as group:
        while len(numbers) <= KILLS:
            process = group.start(*archive, "--every", "0.1", "--rows", str(random.choice((5, 40, 1_000))))
            async with asyncio.timeout(TIMEOUT_S):
                while not store.list_after("commits") or load_state(store).number == numbers[-1]:  # it has begun to write
                    await asyncio.sleep(0.02)
                    assert process.exit_code is None, process.read_output()
            await asyncio.sleep(random.uniform(0.0, 0.4))
            process.kill()
            numbers.append(load_state(store).number)
        second = [group.start(*archive, "--every", "0.1") for _ in range(2)]  # two at once, one of which is killed
        await until(lambda: all("archiving to" in each.read_output() for each in second), "both to archive", *second)
        await asyncio.sleep(1.0)
        second[0].kill()
        done.set()
        assert await filling > KILLS
        assert second[1].end() == 0
    last = volcast(tmp_path, *archive, "--once")
    assert last.returncode == 0, last.stderr
    assert in_archive(store) == await on_log(place.log)
    assert numbers == sorted(set(numbers))
    _log.info("%d kills, %d commits", KILLS + 1, load_state(store).number)


async def test_nothing_is_written_twice_by_a_second_run(place: Place, tmp_path: Path) -> None:
    """And what is said at the end is what was done; a secret never is."""
    async with place.log.appender("test") as appender:
        await appender.append(candle_records(range(20)))
    archive = ("archive", *place.arguments, "--to", place.root, "--once")
    first, second = (volcast(tmp_path, *archive) for _ in range(2))
    count = sum(len(records) for records in (await on_log(place.log)).values())
    assert first.stdout.startswith(f"archived {count} records in "), first.stderr
    assert second.stdout.startswith("archived 0 records in 0 files, "), second.stderr
    assert "minioadmin" not in first.stderr + second.stderr
    assert in_archive(open_store(place.root)) == await on_log(place.log)
