"""`volcast run`, run as a process: messages, exit codes and summary, and that a kill changes no signal."""

import json
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumer.rules import Rules
from consumer.shard import Shard
from producer.csv_replay import CsvReplay
from tests.command import get, process_group, volcast
from tests.market import CSV_HEADER, csv_text
from tests.stories.waiting import until
from volcast.core.codec import decode_reject, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import Record

ANY_PORT = ("--port", "0")
UNTIL_DONE = (*ANY_PORT, "--exit-when-done")


def rows(db: Path, sql: str) -> list[tuple[Any, ...]]:
    """Query a file that another process may be writing, or may not have created yet."""
    try:
        connection = sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True, timeout=60)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return []


def signals(db: Path) -> list[bytes]:
    return [value for (value,) in rows(db, "SELECT value FROM signals ORDER BY offset")]


def expected_signals(path: Path) -> list[bytes]:
    """Return the signals of an undisturbed run, computed by a plain loop."""
    source, shard = CsvReplay(path), Shard(Rules(EngineConfig(), Decoder(), 10, 5_000))
    candles = source.candles()
    records = [Record(0, i + 1, source.symbol.encode(), encode_candle(candle)) for i, candle in enumerate(candles)]
    return [signal.value for signal in shard.process(records).signals]


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        (None, [], "btcusdt.csv does not exist."),
        ("", [], "btcusdt.csv is empty; a first line with the columns"),
        (CSV_HEADER + "\n", [], "btcusdt.csv has no rows below its first line"),
        (csv_text(3).replace("close", "last"), [], "btcusdt.csv, line 1: missing column close; "),
        (csv_text(3) + "2024-01-01 01:00:00,1,1,1,x,1,1\n", [], "btcusdt.csv, line 5, column close: 'x' is not a number; "),
        (
            csv_text(3),
            ["--speed", "0"],
            "Invalid value for '--speed': 0 is not a speed: expected max, or a multiple of real time ",
        ),
        (csv_text(3), ["--speed", "nan"], "Invalid value for '--speed': nan is not a speed: "),
        (csv_text(3), ["--symbol", "A", "--symbol", "B"], "--symbol was given 2 times for 1 file: give it once for each file, "),
        (csv_text(3), ["--window", "0"], "window: 0 (flag --window) is out of range: a whole number from 1 to 10080"),
    ],
)
def test_an_error_is_one_line_and_nothing_is_written(
    tmp_path: Path, content: str | None, arguments: list[str], sentence: str
) -> None:
    if content is not None:
        (tmp_path / "btcusdt.csv").write_text(content)
    before = list(tmp_path.iterdir())
    result = volcast(tmp_path, "run", "btcusdt.csv", "--db", "log.db", *UNTIL_DONE, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"volcast: {sentence}")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == before


def test_the_error_for_a_taken_port_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(3))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = volcast(tmp_path, "run", "btcusdt.csv", "--db", "log.db", "--port", port)
    sentence = f"volcast: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port or --host\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", sentence)
    assert not (tmp_path / "log.db").exists()


def test_the_database_of_another_program_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(3))
    connection = sqlite3.connect(tmp_path / "photos.db")
    connection.execute("CREATE TABLE photos (name TEXT)")
    connection.close()
    before = (tmp_path / "photos.db").read_bytes()
    result = volcast(tmp_path, "run", "btcusdt.csv", "--db", "photos.db", *UNTIL_DONE)
    sentence = "volcast: photos.db is a SQLite database of another program: choose another file\n"
    assert (result.returncode, result.stdout, result.stderr) == (3, "", sentence)
    assert (tmp_path / "photos.db").read_bytes() == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A finished run over a file with every kind of bad row: its folder and its result."""
    folder = tmp_path_factory.mktemp("finished")
    header, *lines = csv_text(400).splitlines()
    lines[100] = "2024-01-01 01:40:00,1,1,1,NaN,1,1"
    lines[110] = "2024-01-01 01:50:00,1,1,1,-1,1,1"
    lines[120] = "2024-01-01 02:00:00,1,1,2,1,1,1"
    lines[130] = "2024-01-01 02:10:00,1,1,1,1.123456789,1,1"
    lines[140] = "2024-01-01 02:20:30,1,1,1,1,1,1"
    lines[210:210] = [lines[209], lines[209], lines[100 - 1]]  # three duplicates
    del lines[300:320]  # a gap
    lines.insert(350, "2024-01-01 05:05:00,1,1,1,1,1,1")  # late: it lies in the gap
    (folder / "btcusdt-a.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder, volcast(folder, "run", "btcusdt-a.csv", "--db", "log.db", *UNTIL_DONE)


@pytest.fixture
def again(tmp_path: Path, finished: tuple[Path, object]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs the command again, on a copy of the finished run in `tmp_path`."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return lambda *arguments: volcast(tmp_path, "run", *arguments, "--db", "log.db", *UNTIL_DONE)


def test_the_summary_counts_each_kind_of_row(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, result = finished
    assert result.returncode == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("BTCUSDT")]
    last = json.loads(signals(folder / "log.db")[-1])
    # Five rejects are five gaps of a minute; the sixth gap has twenty, of which one is late.
    assert line.split()[:7] == ["BTCUSDT", "finished", "375", "6", "25", "3", "1"]
    assert line.split()[7:] == [
        str(last["signal_ones"]),
        f"{last['signal_rate']:.6f}",
        f"{last['volatility']:.3%}",
        f"{last['volatility_annualized']:.1%}",
        f"{last['price_lower']:.0f}–{last['price_upper']:.0f}",
    ]
    rejected = [line for line in result.stdout.splitlines() if line.startswith("rejected: ")]
    assert rejected == [
        f"rejected: 1 {reason}" for reason in ("bad_time", "high_below_low", "not_a_number", "not_positive", "too_many_decimals")
    ]
    header = next(line for line in result.stdout.splitlines() if line.startswith("symbol"))
    assert "candles  gaps  missing  duplicates  late  signal ones  signal rate  σ next hour  σ a year  90 % price range" in header
    assert max(len(header), len(line)) <= 130


def test_each_skipped_row_is_logged(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, result = finished
    rejects = [decode_reject(value) for (value,) in rows(folder / "log.db", "SELECT value FROM rejected ORDER BY offset")]
    assert [(reject.line, reject.source) for reject in rejects] == [(line, "btcusdt-a.csv") for line in (102, 112, 122, 132, 142)]
    messages = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert [message.partition(":")[0] for message in messages] == [
        *["rejected"] * 5,
        *["duplicate candle skipped"] * 3,
        "late candle skipped",
    ]


def test_the_signals_equal_those_of_a_plain_loop(finished: tuple[Path, object]) -> None:
    folder, _ = finished
    assert signals(folder / "log.db") == expected_signals(folder / "btcusdt-a.csv")


def test_the_same_run_again_adds_nothing(
    again: Callable[..., subprocess.CompletedProcess[str]],
    finished: tuple[Path, subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    result = again("btcusdt-a.csv")
    assert (result.returncode, result.stderr) == (0, "")
    message, *summary = result.stdout.splitlines()[2:]
    assert message == "nothing to send: the log already has all rows"
    assert summary == finished[1].stdout.splitlines()[2:]
    assert signals(tmp_path / "log.db") == signals(finished[0] / "log.db")


def test_a_later_file_of_the_symbol_continues_after_the_last_candle(
    again: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "btcusdt-b.csv").write_text(csv_text(range(400, 410)))
    result = again("btcusdt-b.csv")
    assert result.returncode == 0
    assert result.stderr == (
        "BTCUSDT: continues the candles from btcusdt-a.csv that the log already had up to 2024-01-01T06:39:00Z\n"
    )
    assert json.loads(signals(tmp_path / "log.db")[-1])["candles"] == 385


@pytest.mark.parametrize("name", ["btcusdt-a.csv", "btcusdt-b.csv"])
def test_other_candles_of_the_symbol_are_refused_before_anything_is_sent(
    again: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, name: str
) -> None:
    before = rows(tmp_path / "log.db", "SELECT * FROM candles")
    (tmp_path / name).write_text(csv_text(range(350, 410), seed=2))
    result = again(name)
    assert result.returncode == 2
    assert result.stderr == (
        f"volcast: {name}: the log already has other candles of BTCUSDT, from btcusdt-a.csv, up to 2024-01-01 06:39, which these "
        "rows do not continue; choose another log or give another --symbol.\n"
    )
    assert rows(tmp_path / "log.db", "SELECT * FROM candles") == before


def test_a_change_of_settings_is_logged(again: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    before = signals(tmp_path / "log.db")
    result = again("btcusdt-a.csv", "--window", "20")
    assert result.returncode == 0
    messages = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert messages[0] == (
        "the settings have changed (window was 5 and is 20): the state is rebuilt from the log; signals already written are not "
        "changed"
    )
    added = signals(tmp_path / "log.db")[len(before) :]
    assert signals(tmp_path / "log.db")[: len(before)] == before
    assert [json.loads(each)["kind"] for each in added] == ["restoring", "restoring"]


async def test_it_serves_until_it_is_stopped_and_a_second_run_on_its_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(300))
    with process_group(tmp_path) as parts:
        run = parts.start("run", "btcusdt.csv", "--db", "log.db", *ANY_PORT)
        await until(lambda: "replay finished" in run.read_output(), "the end of the replay", run)
        answer = json.loads(get(run, "/latest/BTCUSDT"))
        assert (answer["candles"], answer["status"], answer["horizon_over"]) == (300, "finished", True)
        assert answer["age_seconds"] > 86_400
        assert 'volcast_consumer_candles_total{symbol="BTCUSDT",verdict="accepted"} 300.0' in get(run, "/metrics")
        second = volcast(tmp_path, "run", "btcusdt.csv", "--db", "log.db", *UNTIL_DONE)
        sentence = "volcast: another volcast process is using log.db: stop it, or choose another file with --db\n"
        assert (second.returncode, second.stdout, second.stderr) == (3, "", sentence)
        assert json.loads(get(run, "/latest/BTCUSDT"))["candles"] == 300
        assert run.end() == 0


async def test_of_two_runs_that_start_together_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(300))
    with process_group(tmp_path) as parts:
        both = [parts.start("run", "btcusdt.csv", "--db", "log.db", *ANY_PORT) for _ in range(2)]
        await until(lambda: 3 in {run.exit_code for run in both}, "one to be refused")
        (active,) = (run for run in both if run.exit_code is None)
        await until(lambda: "replay finished" in active.read_output(), "the end of the replay", active)
        (refused,) = (run for run in both if run is not active)
        assert (
            refused.read_output()
            == "volcast: another volcast process is using log.db: stop it, or choose another file with --db\n"
        )
        assert active.end() == 0
    assert signals(tmp_path / "log.db") == expected_signals(tmp_path / "btcusdt.csv")


async def test_a_run_that_is_killed_and_stopped_makes_the_same_signals(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(2_500))
    db, expected = tmp_path / "log.db", expected_signals(tmp_path / "btcusdt.csv")
    command = ("run", "btcusdt.csv", "--db", "log.db", *UNTIL_DONE)
    with process_group(tmp_path) as parts:
        run = parts.start(*command, "--speed", "12000")  # 200 candles a second: more than ten seconds
        await until(lambda: len(signals(db)) > 100, "signals", run)
        run.kill()
        run = parts.start(*command, "--speed", "12000")
        await until(lambda: len(signals(db)) > 250, "more signals", run)
        assert run.end() == 130
        assert len(signals(db)) < len(expected)
        run = parts.start(*command)
        await until(lambda: run.exit_code == 0, "the end", run)
    assert signals(db) == expected
    assert rows(db, "SELECT count(*) FROM candles") == [(2_500,)]
