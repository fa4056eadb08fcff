"""Events are read from a worker's log while it is being written."""

import asyncio
import json
from pathlib import Path
from random import Random

import pytest

from consumer.rules import Rules
from consumer.worker import Worker
from tests.flaky_log import Fault, FlakyLog
from tests.log_access import TIMEOUT_S, fill
from tests.market import prices, record
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import KeyValue
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.worker_log import FENCED, RESTORED, UNANSWERED, WorkerLog


def line(message: str, **fields: object) -> str:
    return json.dumps({"level": "info", "message": message, **fields}) + "\n"


def test_each_event_is_returned_once(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    file.write_text(line("restored", partition=1) + line("dropped: fenced: another owner", partition=1))
    worker_log = WorkerLog(file)
    assert worker_log.new_events() == [RESTORED, FENCED]
    assert worker_log.new_events() == []
    with file.open("a") as log:
        log.write(line("not opened: two at once", partition=2) + line("dropped: commit failed: no answer", partition=1))
    assert worker_log.new_events() == [FENCED, UNANSWERED]


def test_a_worker_holds_what_it_restored_and_did_not_drop(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    text = ""
    for message, partition, has_partition in (
        ("restored", 0, True),
        ("restored", 3, True),
        ("dropped: given to another", 0, True),
        ("dropped: given to another", 3, False),
        ("restored", 2, True),
        ("consumer: the broker is gone; trying again in 0.1 s", None, False),
    ):
        text += line(message, partition=partition)
        file.write_text(text)
        worker_log = WorkerLog(file)
        worker_log.new_events()
        assert worker_log.has_partition is has_partition, message


def test_an_incomplete_line_is_read_later_and_other_text_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "worker.log"
    complete = line("restored", partition=0)
    file.write_text("Traceback\n[]\n5\n{}\n" + complete[:20])
    worker_log = WorkerLog(file)
    assert worker_log.new_events() == []
    file.write_text("Traceback\n[]\n5\n{}\n" + complete)
    assert worker_log.new_events() == [RESTORED]


async def test_the_events_are_worded_as_the_worker_words_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise a proof would see no restarts and no fencings, and find nothing wrong."""
    caplog.set_level("INFO")
    log = FlakyLog(SqliteLog(":memory:"), commits={1: Fault.LOST, 3: Fault.FENCED})
    async with log:
        log.fenced_opens = 1
        worker = Worker(log, Rules(EngineConfig(), Decoder(), max_symbols=10, snapshot_records=50), 10, Random(1))
        running = asyncio.create_task(worker.run())
        await fill(log, [KeyValue(b"BTCUSDT", record(minute, close)) for minute, close in enumerate(prices(60))])
        async with asyncio.timeout(TIMEOUT_S):
            while worker.stats.fencings < 2 or not worker.shards:
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
    file = tmp_path / "worker.log"
    file.write_text("".join(line(each.getMessage(), partition=getattr(each, "partition", None)) for each in caplog.records))
    events = WorkerLog(file).new_events()
    assert set(events) == {RESTORED, FENCED, UNANSWERED}
    counts = worker.stats.fencings, worker.stats.failed_commits
    assert (events.count(FENCED), events.count(UNANSWERED)) == counts
