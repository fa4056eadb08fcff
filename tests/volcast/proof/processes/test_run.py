"""A proof can fail: it finds a wrong record on the log, and reports a process that ends by itself."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from volcast.proof.processes.backends import SqliteBackend
from volcast.proof.processes.run import OnProgress, ProcessProofConfig, prove

CONFIG = ProcessProofConfig(minutes=100, kills=1, workers=1, seed=1, command="volcast prove")


class KillsOnly(SqliteBackend):
    """A backend without other faults than kills."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fault_kinds = frozenset()


class Unusable(KillsOnly):
    """A backend whose log no process can open."""

    def arguments(self) -> tuple[str, ...]:
        return ("--bus", "sqlite:////dev/null/log.db")


def change_log_at(step: str, database: Path, statement: str) -> OnProgress:
    """Return a callback that changes the log when the proof reports this step."""

    def on_progress(_share: float, doing: str) -> None:
        if doing == step:
            with closing(sqlite3.connect(database, timeout=60.0)) as db, db:
                db.execute(statement)

    return on_progress


async def test_a_signal_that_should_not_be_on_the_log_is_found(tmp_path: Path) -> None:
    double = "INSERT INTO signals (key, value) SELECT key, value FROM signals ORDER BY offset DESC LIMIT 1"
    on_progress = change_log_at("comparing", tmp_path / "log.db", double)
    report = await prove(CONFIG, KillsOnly(tmp_path), tmp_path, on_progress)
    assert report.stats.kills == 1
    assert report.counts
    assert report.counts.candles > report.counts.signals > 300
    assert report.difference
    assert re.match(r"partition 0: \d+ signals, \d+ expected; the first that differs is number \d+: {", report.difference)


async def test_a_process_that_ends_by_itself_is_reported_with_its_output(tmp_path: Path) -> None:
    report = await prove(CONFIG, Unusable(tmp_path), tmp_path, lambda _share, _what: None)
    assert report.counts is None
    assert report.difference
    assert re.search(r"(consume|serve|produce) ended by itself with 3:\nvolcast: .*/dev/null/log.db", report.difference)
