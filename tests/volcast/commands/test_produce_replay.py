"""`volcast produce replay`, run as a process."""

from pathlib import Path

import pytest

from tests.command import process_group, volcast
from tests.log_access import records_of
from tests.market import csv_text
from tests.stories.waiting import until
from volcast.log.contract import Topic
from volcast.log.sqlite.log import SqliteLog


async def test_each_row_is_sent_once_over_several_runs(tmp_path: Path) -> None:
    (tmp_path / "btcusdt-1m.csv").write_text(csv_text(700))
    (tmp_path / "export.csv").write_text(csv_text(300))
    command = ("produce", "replay", "btcusdt-1m.csv", "export.csv", "--symbol", "BTCUSDT", "--symbol", "ETHUSDT")
    for output in ("1000 candles sent\n", "0 candles sent\n"):
        result = volcast(tmp_path, *command, "--bus", "sqlite:///deep/log.db", "--log-level", "warning")
        assert (result.returncode, result.stdout, result.stderr) == (0, output, "")
    async with SqliteLog(tmp_path / "deep" / "log.db") as log:
        records = await records_of(log, Topic.CANDLES)
    assert [sum(record.key == key for record in records) for key in (b"BTCUSDT", b"ETHUSDT")] == [700, 300]


async def test_a_replay_that_is_stopped_early_gives_exit_code_130(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(700))
    with process_group(tmp_path) as parts:
        replay = parts.start("produce", "replay", "btcusdt.csv", "--speed", "60", "--bus", "sqlite:///log.db")
        await until(lambda: "begins" in replay.read_output(), "its beginning", replay)
        assert replay.end() == 130


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["btcusdt.csv"], 2, "volcast: no log given: use --bus sqlite:///PATH or --bus kafka://HOST:PORT, or set VOLCAST_BUS\n"),
        (["nowhere.csv", "--bus", "sqlite:///log.db"], 2, "volcast: nowhere.csv does not exist.\n"),
        (
            ["btcusdt.csv", "--bus", "sqlite:///."],
            3,
            "volcast: . is a folder, but the log is a file: choose a file in that folder\n",
        ),
        (
            ["btcusdt.csv", "--bus", "sqlite:///btcusdt.csv"],
            3,
            "volcast: btcusdt.csv is not a SQLite database: choose another file\n",
        ),
    ],
)
def test_an_error_is_one_line_and_nothing_is_written(tmp_path: Path, arguments: list[str], code: int, sentence: str) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(3))
    result = volcast(tmp_path, "produce", "replay", *arguments)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", sentence)
    assert [path.name for path in tmp_path.iterdir()] == ["btcusdt.csv"]
    assert (tmp_path / "btcusdt.csv").read_text() == csv_text(3)
