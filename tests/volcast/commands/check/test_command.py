"""Both checks as a user calls them, on candles of a random walk."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.market import csv_text
from volcast.cli.main import main

CHEAT = """
import csv

class Peeks:
    features = ("one",)

    def __init__(self):
        with open("btcusdt.csv") as file:
            self.closes = [float(row["close"]) for row in csv.DictReader(file)]
        self.n = 0

    def predict_one(self, x):
        self.n += 1
        return self.closes[min(self.n + 60, len(self.closes) - 1)] / 1e6

    def learn_one(self, x, y):
        pass


SEEN = []

class Remembers:
    def predict_one(self, x):
        return sum(SEEN[-5:])

    def learn_one(self, x, y):
        SEEN.append(y)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("btcusdt.csv").write_text(csv_text(400))
    Path("cheat.py").write_text(CHEAT)
    return tmp_path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


SHORT = ("--horizons", "15")


def test_models_of_this_project_pass(folder: Path) -> None:
    result = call("lookahead", "btcusdt.csv", "--models", "two_stage,har", "--cuts", "2", *SHORT)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        (
            "BTCUSDT: all 400 candles; what comes after 2 points from 2024-01-01 02:12:00 UTC to 2024-01-01 04:25:00 UTC was cut "
            "off and scrambled, and all was run twice."
        ),
        "what\tcompared\tresult",
        *(f"{what}\t1198\tunchanged" for what in ("signal and rolling mean", "two_stage", "har")),
        "passed: no forecast depends on later candles",
    ]


def test_models_and_horizons_come_from_the_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLCAST_MODEL", "ewma")
    monkeypatch.setenv("VOLCAST_SHADOWS", "last")
    result = call("lookahead", "btcusdt.csv", "--cuts", "1", "--candles", "100", "--horizons", "15,30")
    assert result.exit_code == 0
    lines = [line.partition("\t")[0] for line in result.stdout.splitlines()]
    assert lines[0].startswith("BTCUSDT: the first 100 of 400 candles; what comes after 2024-01-01 00:49:00 UTC was")
    assert lines[2:6] == ["signal and rolling mean", "ewma", "ewma, 30 minutes", "last"]


def test_models_that_cheat_are_caught(folder: Path) -> None:
    result = call("lookahead", "btcusdt.csv", "--models", "last,cheat.py:Peeks,cheat.py:Remembers", "--json", "-", *SHORT)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split("\t")[0] for line in lines if "\tunchanged" in line][:2] == ["signal and rolling mean", "last"]
    changed = next(line for line in lines if line.startswith("Remembers@"))
    assert "CHANGED in a second run on the same candles: first at 2024-01-01 00:00:00 UTC, where its variance was" in changed
    assert "cheat.py, line 8: Peeks.__init__ reads btcusdt.csv, in which the future is written" in lines
    assert lines[-1].startswith("failed: Remembers@")
    assert lines[-1].endswith(", Peeks.__init__")
    report = json.loads(result.stdout)
    assert (report["passed"], len(report["peeks"]), len(report["cuts_after_ms"])) == (False, 1, 5)
    assert [each["subject"] for each in report["findings"] if each["change"]] == [changed.split("\t")[0]]


def test_the_warm_up_of_models_that_learn_for_long_is_not_within_hours(folder: Path) -> None:
    result = call("warmup", "btcusdt.csv", "--models", "two_stage", "--json", "found.json", *SHORT)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "BTCUSDT: all 400 candles; the first start is at row 1, others after 100 and 200 rows."
    assert lines[2] == "what\t0.1\t0.01\t0.001\t1e-06\tlargest difference in the last hour"
    assert lines[3] == "signal and rolling mean\t5\t5\t5\t5\t0, exactly"
    assert lines[4].startswith("two_stage\t")
    assert lines[4].split("\t")[4] == "not yet"
    assert lines[-1] == "failed: two_stage did not come to agree to 1e-06 within 200 candles; give more candles"
    report = json.loads((folder / "found.json").read_text())
    assert (report["passed"], report["result"]["started_after"], report["result"]["shortest"]) == (False, [100, 200], 200)


def test_a_warm_up_within_the_candles_passes(folder: Path) -> None:
    result = call("warmup", "btcusdt.csv", "--models", "ewma", "--tolerance", "0.9", "--starts", "1", "--window", "20", *SHORT)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[3] == "signal and rolling mean\t20\t0, exactly"
    assert result.stdout.splitlines()[-1] == "passed: all agree to 0.9 within 200 candles"


@pytest.mark.parametrize("verb", ["lookahead", "warmup"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.csv"], "none.csv"),
        (["btcusdt.csv", "--models", "best"], "Invalid value for '--models': 'best' is not a model; choose from two_stage"),
        (
            ["btcusdt.csv", "--models", "cheat.py:No"],
            "the model cheat.py:No cannot be found: cheat.py has no No; its classes are",
        ),
        (["btcusdt.csv", "--models", "last,last.py:X"], "cannot read the model last.py:X: last.py: No such file or directory"),
        (["btcusdt.csv", "--candles", "1"], "Invalid value for '--candles': 1 is not in the range x>=2."),
        (["btcusdt.csv", "--json", "c.csv"], "--json c.csv: .csv files are not written here; end the name in .json"),
        (["btcusdt.csv", "--json", "btcusdt.csv"], "btcusdt.csv"),
        (["one.csv"], "BTCUSDT: 1 candle is too little to check"),
    ],
)
def test_an_error_is_one_line(folder: Path, verb: str, arguments: list[str], sentence: str) -> None:
    Path("one.csv").write_text(csv_text(1))
    if arguments[0] == "one.csv":
        arguments = [*arguments, "--symbol", "BTCUSDT"]
    result = call(verb, *arguments, *SHORT)
    assert (result.exit_code, result.stdout) == (2, "")
    errors = [line for line in result.stderr.splitlines() if line.startswith("volcast: ")]
    assert len(errors) == 1
    assert errors[0].startswith(f"volcast: {sentence}")
    assert "Traceback" not in result.stderr
