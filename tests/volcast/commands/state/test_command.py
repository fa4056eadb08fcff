"""`volcast state`, run as a process: transfer from one log to another, and errors of one line."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.command import volcast
from tests.log_access import fill, records_of
from tests.volcast.commands.consumed_log import candles, consume, expected
from volcast.commands.state import file as state_file
from volcast.core import snapshot
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog

SYMBOLS = ("BTCUSDT", "ETHUSDT")
BUS, OTHER = ("--bus", "sqlite:///log.db"), ("--bus", "sqlite:///other.db")


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with a log.db that was consumed, but has no snapshot yet."""
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, candles(range(20), SYMBOLS))
        await consume(log, killed=True)
    return tmp_path


async def test_state_is_shown_exported_and_imported(folder: Path) -> None:
    exported = volcast(folder, "state", "export", "a.state", *BUS)
    size = (folder / "a.state").stat().st_size
    assert (exported.returncode, exported.stderr) == (0, "")
    assert exported.stdout == f"a.state: state of 2 symbols, {size} bytes\n"
    for _ in range(2):
        imported = volcast(folder, "state", "import", "a.state", *OTHER)
        assert (imported.returncode, imported.stderr) == (0, "")
        assert imported.stdout == "imported the state of 2 symbols into 1 partition\n"
    shown = volcast(folder, "state", "show", *OTHER).stdout.splitlines()
    rows = [line.split("\t")[4:8] for line in shown[1:]]
    assert [row for row in rows if not row[0].startswith("@")] == [[name, "20", "2024-01-01T00:19:00Z", "0"] for name in SYMBOLS]
    (report,) = json.loads(volcast(folder, "state", "show", "--json", *BUS).stdout)
    assert (report["partition"], report["position"], report["replay_from"]) == (0, 41, 1)
    async with SqliteLog(folder / "other.db") as log:
        await fill(log, candles(range(15, 30), SYMBOLS))
        await consume(log)
        signals = [each.value for each in await records_of(log, Topic.SIGNALS) if each.key == b"ETHUSDT"]
    assert signals == expected(candles(range(30), SYMBOLS))[b"ETHUSDT"][20:]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["show"], 2, "no log given: use --bus sqlite:///PATH or --bus kafka://HOST:PORT, or set VOLCAST_BUS"),
        (["show", *BUS], 2, "log log.db does not exist; check --bus"),
        (["show", "--bus", "sqlite:///text"], 3, "text is not a SQLite database: choose another file"),
        (["export", "a.state", *BUS], 2, "log log.db does not exist; check --bus"),
        (["export", "text", *BUS], 2, "text already exists: choose another name, or use --force to replace it"),
        (["import", "text", *BUS], 2, "text is not an exported state; create one with `volcast state export`"),
        (["import", "none", *BUS], 2, "cannot read none: No such file or directory"),
    ],
)
def test_an_error_is_one_line(tmp_path: Path, arguments: list[str], code: int, sentence: str) -> None:
    (tmp_path / "text").write_text("text that is long enough to be recognized as no SQLite database" * 9)
    result = volcast(tmp_path, "state", *arguments)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", f"volcast: {sentence}\n")
    assert not (tmp_path / "log.db").exists()


def test_the_error_for_a_file_that_cannot_be_written_is_one_line(folder: Path) -> None:
    nowhere = volcast(folder, "state", "export", "a/b", *BUS)
    assert (nowhere.returncode, nowhere.stderr) == (2, "volcast: a/b can't be written: No such file or directory\n")


def test_a_log_that_was_never_consumed_has_nothing_to_export(tmp_path: Path) -> None:
    (tmp_path / "log.db").touch(0o600)
    result = volcast(tmp_path, "state", "export", "a.state", *BUS)
    sentence = "no state to export: nothing has been consumed from this log"
    assert (result.returncode, result.stderr) == (2, f"volcast: {sentence}\n")
    assert not (tmp_path / "a.state").exists()


def test_an_import_over_existing_state_gives_exit_code_3(folder: Path) -> None:
    assert volcast(folder, "state", "export", "a.state", *BUS).returncode == 0
    again = volcast(folder, "state", "import", "a.state", *BUS)
    assert again.returncode == 3
    assert again.stderr.startswith("volcast: the log already has state of BTCUSDT, ETHUSDT: import into another log, ")
    assert volcast(folder, "state", "import", "a.state", *BUS, "--force").returncode == 0


async def test_an_unusable_snapshot_is_reported_and_rebuilt(folder: Path) -> None:
    async with SqliteLog(folder / "log.db") as log:
        await fill(log, candles([20], SYMBOLS))
        await consume(log, 1)
    with closing(sqlite3.connect(folder / "log.db")) as database:
        database.execute("UPDATE state SET value = x'00' WHERE key = CAST('ETHUSDT' AS BLOB)")
        database.commit()
    result = volcast(folder, "state", "export", "a.state", *BUS)
    why = "ETHUSDT, partition 0: rebuilt from the log; its snapshot is unusable: its checksum does not match: it is damaged\n"
    assert (result.returncode, result.stderr) == (0, why)
    assert volcast(folder, "state", "import", "a.state", *OTHER).returncode == 0
    assert volcast(folder, "state", "export", "b.state", *OTHER).returncode == 0
    first, second = (state_file.read_state_file(folder / name) for name in ("a.state", "b.state"))
    assert {name: snapshot.moved(each.raw, 0) for name, each in first.items()} == {
        name: snapshot.moved(each.raw, 0) for name, each in second.items()
    }
