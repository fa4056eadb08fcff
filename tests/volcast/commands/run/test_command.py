"""`volcast run`, as a process: its sentences and exit codes, its summary, and that a kill costs nothing."""

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
from producer.replay import CsvReplay, Resume
from tests.command import get, volcast
from tests.market import CSV_HEADER, csv_text
from tests.stories.pipeline import until
from volcast.core.codec import decode_reject, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import EngineConfig
from volcast.log.contract import Record
from volcast.proof.processes.processes import process_group

ANY_PORT = ("--port", "0")
TO_THE_END = (*ANY_PORT, "--exit-when-done")


def rows(db: Path, sql: str) -> list[tuple[Any, ...]]:
    """Of a file that another process may be writing, or may not have created yet."""
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


def undisturbed(path: Path) -> list[bytes]:
    """The signals of a run from which nobody wants anything."""
    source, shard = CsvReplay(path), Shard(Rules(EngineConfig(), Decoder(), 10, 5_000))
    candles = source.candles(Resume())
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
        (csv_text(3), ["--speed", "0"], "Invalid value for '--speed': 0 is no speed: say max, or how many times real time, "),
        (csv_text(3), ["--speed", "nan"], "Invalid value for '--speed': nan is no speed: "),
        (csv_text(3), ["--symbol", "A", "--symbol", "B"], "2 times --symbol for 1 files: give one for each file, "),
        (csv_text(3), ["--window", "0"], "window: 0 (flag --window) is out of range: a whole number from 1 to 10080"),
    ],
)
def test_wrong_use_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, content: str | None, arguments: list[str], sentence: str
) -> None:
    if content is not None:
        (tmp_path / "btcusdt.csv").write_text(content)
    before = list(tmp_path.iterdir())
    result = volcast(tmp_path, "run", "btcusdt.csv", "--db", "log.db", *TO_THE_END, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"volcast: {sentence}")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == before


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(3))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = volcast(tmp_path, "run", "btcusdt.csv", "--db", "log.db", "--port", port)
    sentence = f"volcast: can't listen on 127.0.0.1:{port}: Address already in use; choose another with --port or --host\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", sentence)
    assert not (tmp_path / "log.db").exists()


def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(3))
    connection = sqlite3.connect(tmp_path / "photos.db")
    connection.execute("CREATE TABLE photos (name TEXT)")
    connection.close()
    before = (tmp_path / "photos.db").read_bytes()
    result = volcast(tmp_path, "run", "btcusdt.csv", "--db", "photos.db", *TO_THE_END)
    sentence = "volcast: photos.db is a SQLite database of another program: choose another file\n"
    assert (result.returncode, result.stdout, result.stderr) == (3, "", sentence)
    assert (tmp_path / "photos.db").read_bytes() == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A run over a file with all that can be wrong with rows: its folder, and how it ended."""
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
    return folder, volcast(folder, "run", "btcusdt-a.csv", "--db", "log.db", *TO_THE_END)


@pytest.fixture
def again(tmp_path: Path, finished: tuple[Path, object]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs on a copy of what the finished run left, in `tmp_path`."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return lambda *arguments: volcast(tmp_path, "run", *arguments, "--db", "log.db", *TO_THE_END)


def test_the_summary_counts_each_kind_of_row_apart(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, result = finished
    assert result.returncode == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("BTCUSDT")]
    last = json.loads(signals(folder / "log.db")[-1])
    # Five rejects are five gaps of a minute; the sixth gap has twenty, of which one is late.
    assert line.split()[:6] == ["BTCUSDT", "375", "6", "25", "3", "1"]
    assert line.split()[6:] == [
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
    assert max(len(header), len(line)) <= 120


def test_no_row_is_passed_over_in_silence(finished: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, result = finished
    rejects = [decode_reject(value) for (value,) in rows(folder / "log.db", "SELECT value FROM rejected ORDER BY offset")]
    assert [(reject.line, reject.source) for reject in rejects] == [(line, "btcusdt-a.csv") for line in (102, 112, 122, 132, 142)]
    told = [json.loads(line)["message"] for line in result.stderr.splitlines()]
    assert [message.partition(":")[0] for message in told] == [
        *["rejected"] * 5,
        *["duplicate candle skipped"] * 3,
        "late candle skipped",
    ]


def test_the_signals_are_those_of_a_plain_loop(finished: tuple[Path, object]) -> None:
    folder, _ = finished
    assert signals(folder / "log.db") == undisturbed(folder / "btcusdt-a.csv")


def test_the_same_again_adds_nothing(
    again: Callable[..., subprocess.CompletedProcess[str]],
    finished: tuple[Path, subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    result = again("btcusdt-a.csv")
    assert (result.returncode, result.stderr) == (0, "")
    news, *summary = result.stdout.splitlines()[2:]
    assert news == "Nothing new: the log had all rows already."
    assert summary == finished[1].stdout.splitlines()[2:]
    assert signals(tmp_path / "log.db") == signals(finished[0] / "log.db")


def test_another_file_of_the_symbol_goes_on_behind_the_last_candle(
    again: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "btcusdt-b.csv").write_text(csv_text(range(390, 410)))
    result = again("btcusdt-b.csv")
    assert result.returncode == 0
    assert result.stderr == (
        "BTCUSDT: the log had candles of btcusdt-a.csv up to 2024-01-01T06:39:00Z; only later rows were sent.\n"
    )
    assert json.loads(signals(tmp_path / "log.db")[-1])["candles"] == 385


def test_a_log_of_other_settings_goes_on_with_the_new_ones_and_says_so(
    again: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    before = signals(tmp_path / "log.db")
    result = again("btcusdt-a.csv", "--window", "20")
    assert result.returncode == 0
    assert json.loads(result.stderr)["message"] == (
        "the settings have changed (window was 5 and is 20): the state is rebuilt from the log; signals already written are not "
        "changed"
    )
    assert signals(tmp_path / "log.db") == before


async def test_it_stays_and_serves_alone_on_its_file_until_it_is_told_to_end(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(300))
    with process_group(tmp_path) as parts:
        run = parts.start("run", "btcusdt.csv", "--db", "log.db", *ANY_PORT)
        await until(lambda: "The replay is done" in run.read_output(), "the end of the replay", run)
        assert json.loads(get(run, "/latest/BTCUSDT"))["candles"] == 300
        assert 'volcast_consumer_candles_total{symbol="BTCUSDT",verdict="accepted"} 300.0' in get(run, "/metrics")
        second = volcast(tmp_path, "run", "btcusdt.csv", "--db", "log.db", *TO_THE_END)
        sentence = "volcast: another volcast is working on log.db: stop it, or choose another file with --db\n"
        assert (second.returncode, second.stdout, second.stderr) == (3, "", sentence)
        assert json.loads(get(run, "/latest/BTCUSDT"))["candles"] == 300
        assert run.end() == 0


async def test_of_two_that_start_together_one_works(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(300))
    with process_group(tmp_path) as parts:
        both = [parts.start("run", "btcusdt.csv", "--db", "log.db", *ANY_PORT) for _ in range(2)]
        await until(lambda: 3 in {run.exit_code for run in both}, "one to go")
        (works,) = (run for run in both if run.exit_code is None)
        await until(lambda: "The replay is done" in works.read_output(), "the end of the replay", works)
        (goes,) = (run for run in both if run is not works)
        assert goes.read_output() == "volcast: another volcast is working on log.db: stop it, or choose another file with --db\n"
        assert works.end() == 0
    assert signals(tmp_path / "log.db") == undisturbed(tmp_path / "btcusdt.csv")


async def test_killed_and_told_to_end_it_makes_the_signals_of_an_undisturbed_run(tmp_path: Path) -> None:
    (tmp_path / "btcusdt.csv").write_text(csv_text(2_500))
    db, expected = tmp_path / "log.db", undisturbed(tmp_path / "btcusdt.csv")
    command = ("run", "btcusdt.csv", "--db", "log.db", *TO_THE_END)
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
