"""A proof can fail: what should not be on the log is found, and a process that ends by itself is told of."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from volcast.proof.processes.places import SqliteBackend
from volcast.proof.processes.run import ProcessProofConfig, Told, prove

WANTED = ProcessProofConfig(minutes=100, kills=1, workers=1, seed=1, command="volcast prove")


class Calm(SqliteBackend):
    """Nothing but kills."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kinds = frozenset()


class Wrong(Calm):
    """Where no worker can work."""

    def arguments(self) -> tuple[str, ...]:
        return ("--bus", "sqlite:////dev/null/log.db")


def when(told_of: str, database: Path, statement: str) -> Told:
    """Spoils the log once a proof has come so far."""

    def tell(_share: float, what: str) -> None:
        if what == told_of:
            with closing(sqlite3.connect(database, timeout=60.0)) as db, db:
                db.execute(statement)

    return tell


async def test_what_should_not_be_on_the_log_is_found(tmp_path: Path) -> None:
    double = "INSERT INTO signals (key, value) SELECT key, value FROM signals ORDER BY offset DESC LIMIT 1"
    report = await prove(WANTED, Calm(tmp_path), tmp_path, when("comparing", tmp_path / "log.db", double))
    assert report.tally.kills == 1
    assert report.counts
    assert report.counts.candles > report.counts.signals > 300
    assert report.difference
    assert re.match(r"partition 0: \d+ signals, \d+ expected; the first that differs is number \d+: {", report.difference)


async def test_a_process_that_ends_by_itself_is_told_of_with_its_last_words(tmp_path: Path) -> None:
    report = await prove(WANTED, Wrong(tmp_path), tmp_path, lambda _share, _what: None)
    assert report.counts is None
    assert report.difference
    assert re.search(r"(consume|serve|produce) ended by itself with 3:\nvolcast: .*/dev/null/log.db", report.difference)
