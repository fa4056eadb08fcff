"""Real SQLite files, whole and broken in each way; none of them is changed by the look."""

import asyncio
import hashlib
import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from producer.doctor.check import CheckResult
from tests.log_access import TIMEOUT_S, fill
from tests.volcast.commands.consumed_log import candles, consume, consuming
from volcast.commands.doctor.sqlite_log import check_sqlite
from volcast.log.retention import Retention
from volcast.log.sqlite.log import SqliteLog

NOW_S = 1.9e9


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A log that was consumed and closed."""
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await fill(log, candles(range(60), ["BTCUSDT", "ETHUSDT"]))
        await consume(log)
    return path


def statuses(path: Path, timeout_s: float = 20.0) -> dict[str, str]:
    """Return the worst status of each check."""
    order = ("ok", "unknown", "warning", "FAILED")
    found: dict[str, str] = {}
    for each in check_sqlite(path, timeout_s):
        found[each.check] = max(found.get(each.check, "ok"), each.status.value, key=order.index)
        assert bool(each.advice) == (each.status.value != "ok")
    return found


def digest(path: Path) -> dict[str, str]:
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in path.parent.iterdir() if "-shm" not in each.name}


def test_a_whole_log_is_green_and_is_not_changed(path: Path) -> None:
    before = digest(path)
    assert statuses(path) == dict.fromkeys(("size", "integrity", "state", "retention", "trail"), "ok")
    assert {name: value for name, value in digest(path).items() if not name.endswith("-wal")} == before


async def test_a_log_in_use_is_looked_at(path: Path) -> None:
    async with SqliteLog(path) as log:
        await fill(log, candles(range(60, 70), ["BTCUSDT"]))
        assert set(statuses(path).values()) == {"ok"}
        assert any("10 behind" in each.found for each in check_sqlite(path, 20.0))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20_000])


def scribble(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[8_192:12_288] = bytes(range(256)) * 16
    path.write_bytes(raw)


def edit(statement: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with sqlite3.connect(path) as db:
            db.execute(statement)
        db.close()

    return change


@pytest.mark.parametrize(
    ("breaks", "check", "status"),
    [
        (truncate, "file", "FAILED"),
        (scribble, "integrity", "FAILED"),
        (lambda path: path.write_text("no database at all, but longer than a header of SQLite is" * 20), "file", "FAILED"),
        (lambda path: path.write_bytes(b""), "file", "warning"),
        (lambda path: path.unlink(), "file", "warning"),
        (edit("PRAGMA application_id = 7"), "file", "FAILED"),
        (edit("PRAGMA user_version = 99"), "file", "FAILED"),
        (lambda path: path.chmod(0o644), "permissions", "warning"),
        (edit("DELETE FROM state WHERE key = 'BTCUSDT'"), "state", "ok"),
        (edit("DELETE FROM state WHERE key = CAST('BTCUSDT' AS BLOB)"), "state", "warning"),
        (edit("UPDATE state SET value = CAST('x' AS BLOB) WHERE key = CAST('BTCUSDT' AS BLOB)"), "state", "warning"),
        (edit("DELETE FROM candles WHERE offset < 100"), "retention", "ok"),
        (edit("UPDATE position SET checksum = 1"), "state", "ok"),
    ],
)
def test_what_is_broken_is_found(breaks: Callable[[Path], object], check: str, status: str, path: Path) -> None:
    breaks(path)
    assert statuses(path)[check] == status


def test_snapshots_that_cannot_be_rebuilt_are_a_failure(path: Path) -> None:
    edit("DELETE FROM state WHERE key = CAST('BTCUSDT' AS BLOB)")(path)
    edit("DELETE FROM candles WHERE offset < 100")(path)
    assert statuses(path)["state"] == "FAILED"
    (found,) = [each for each in check_sqlite(path, 20.0) if each.check == "state"]
    assert "a rebuild would lack the 100 candles" in found.advice


@pytest.fixture
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("volcast.log.sqlite.retention", "volcast.commands.doctor.sqlite_log"):
        monkeypatch.setattr(f"{module}.SEGMENT_BYTES", 5_000)
        monkeypatch.setattr(f"{module}.SEGMENT_MS", 1_000)
    monkeypatch.setattr("volcast.commands.doctor.sqlite_log._LATE", 1)


def told(path: Path, retention: Retention, *, wall_s: float = NOW_S) -> list[CheckResult]:
    return [each for each in check_sqlite(path, 20.0, retention, wall=lambda: wall_s) if each.check == "retention"]


@pytest.mark.usefixtures("_short_segments")
async def test_more_than_the_limits_say_is_a_warning_until_a_consumer_has_deleted_it(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path, wall_clock=lambda: NOW_S) as log:
        for minute in range(60):
            await fill(log, candles([minute], ["BTCUSDT"]))
        await consume(log)
    for retention in (Retention(), Retention(3_600_000), Retention(None, 10_000_000)):
        assert [each.status.value for each in told(path, retention)] == ["ok", "ok"]
    assert "no limit is set" in told(path, Retention())[1].found
    size_limit = Retention(None, 5_000)
    for retention, limit, wall_s in ((size_limit, "0 MB", NOW_S), (Retention(3_600_000), "1 h", NOW_S + 7_200)):
        _, found = told(path, retention, wall_s=wall_s)
        assert (found.status.value, found.advice) == ("warning", "run a consumer with these settings: it deletes them")
        assert f"the limit of each is {limit}; more of candles and signals is kept" in found.found
    async with SqliteLog(path, retention_bytes=5_000, wall_clock=lambda: NOW_S) as log, consuming(log) as worker:
        await fill(log, candles(range(60, 90), ["BTCUSDT"]))
        async with asyncio.timeout(TIMEOUT_S):
            while told(path, size_limit)[1].status.value != "ok":
                await worker.drained()
    first, second = told(path, size_limit)
    assert (first.status.value, second.status.value) == ("ok", "ok")
    assert "were deleted, so a change of settings needs --rebuild-from-earliest" in first.found


def test_candles_that_were_deleted_before_they_were_answered_are_a_failure(path: Path) -> None:
    edit("DELETE FROM candles")(path)
    edit("INSERT INTO candles VALUES (500, CAST('BTCUSDT' AS BLOB), CAST('x' AS BLOB))")(path)
    assert "FAILED" in {status for check, status in statuses(path).items() if check in {"state", "retention"}}


def test_a_look_that_takes_too_long_says_what_is_not_known(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volcast.commands.doctor.sqlite_log._STEPS", 1)
    clock = itertools.count(0.0, 5.0)
    found = {each.check: each for each in check_sqlite(path, 1.0, now_s=lambda: next(clock))}
    assert found["integrity"].status.value == "unknown"
    assert "not all of it was read" in found["integrity"].found
