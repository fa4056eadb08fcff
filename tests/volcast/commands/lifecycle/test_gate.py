"""`volcast gate`: reports are written before it fails, and what it says of wrong input."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from tests.market import CSV_HEADER, csv_text
from volcast.cli.main import main
from volcast.lifecycle.quality.report import GateReport


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("btcusdt.csv").write_text(csv_text(2 * 1_440))
    return tmp_path


def gate(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["gate", *map(str, arguments)])


def with_holes(every: int) -> None:
    """Write the candles with no close in some minutes of the last day, and no price at all in others."""
    header, *rows = csv_text(2 * 1_440).splitlines()
    for place in range(1_440, 2 * 1_440, every):
        time, open_, high, low, _, *others = rows[place].split(",")
        prices = [open_, high, low, ""] if place % 2 else [""] * 4
        rows[place] = ",".join([time, *prices, *(others if place % 2 else ["0"] * len(others))])
    assert header == CSV_HEADER
    Path("btcusdt.csv").write_text("\n".join([header, *rows]) + "\n")


def test_good_candles_pass() -> None:
    result = gate("btcusdt.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "The data of 1 symbol of 2024-01-02 passed all 18 checks. "
        "Too few candles before the day to judge the distributions of BTCUSDT.\n"
    )


def test_the_reports_are_written_before_it_fails() -> None:
    with_holes(every=71)
    result = gate("btcusdt.csv", "--report", "g.html", "--markdown", "g.md", "--json", "g.json")
    assert result.exit_code == 1
    assert "failed: BTCUSDT: 1.46% of the values of close are missing; at most 1.00% is allowed.\n" in result.stderr
    assert "1.46% of the values of close are missing" in Path("g.html").read_text()
    assert "| failed | nulls.close | BTCUSDT |" in Path("g.md").read_text()
    report = msgspec.json.decode(Path("g.json").read_bytes(), type=GateReport)
    assert not report.verdict.passed
    assert report.facts.symbols[0].null_shares["close"] == pytest.approx(21 / 1_440)


def test_minutes_without_a_price_are_missing_values() -> None:
    """A reader of candles leaves them out; for the gate they are rows with nothing in them."""
    with_holes(every=100)
    (Path("one.csv")).write_text(Path("btcusdt.csv").read_text())
    assert gate("btcusdt.csv", "--threshold", "max_null_share=0.02").exit_code == 0
    result = gate("btcusdt.csv", "--threshold", "max_null_share=0.01")
    assert "1.04% of the values of close are missing" in result.stderr
    found = gate("btcusdt.csv", "--json", "g.json", "--threshold", "max-null-share=0.5")
    assert found.exit_code == 0
    assert msgspec.json.decode(Path("g.json").read_bytes(), type=GateReport).facts.symbols[0].missing_minutes == 0


def test_another_day_and_a_symbol_that_must_be_there() -> None:
    assert "of 2024-01-01 passed" in gate("btcusdt.csv", "--interval", "2024-01-01").stdout
    result = gate("btcusdt.csv", "--expect", "BTCUSDT,ETHUSDT")
    assert (result.exit_code, result.stderr) == (1, "failed: There are no candles of ETHUSDT.\n")
    late = gate("btcusdt.csv", "--interval", "2024-01-03")
    assert "failed: BTCUSDT: there is no candle.\n" in late.stderr


def test_the_symbol_can_be_named() -> None:
    Path("data.csv").write_text(csv_text(1_440))
    assert gate("data.csv", "btcusdt.csv", "--symbol", "ETHUSDT", "--symbol", "BTCUSDT", "--expect", "ETHUSDT").exit_code == 1
    result = gate("data.csv", "--symbol", "ETHUSDT")
    assert result.stdout == (
        "The data of 1 symbol of 2024-01-01 passed all 17 checks. "
        "Too few candles before the day to judge the distributions of ETHUSDT.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name candle files, or an archive by --archive: one of the two"),
        (["btcusdt.csv", "--archive", "x"], "name candle files, or an archive by --archive: one of the two"),
        (["--archive", "file:///none"], "--archive needs --interval DAY: the day to check"),
        (["--archive", "file:///none", "--interval", "2024-01-01"], "there is no archive at file:///none"),
        (["none.csv"], "none.csv"),
        (["btcusdt.csv", "--threshold", "max_nulls=1"], "'max_nulls=1' is no threshold: one of max_null_share, "),
        (["btcusdt.csv", "--threshold", "max_null_share=x"], "'x' is no threshold: a number of at least 0 is expected."),
        (["btcusdt.csv", "--report", "g.txt"], "--report g.txt: .txt files are not written here"),
        (["btcusdt.csv", "--symbol", "A", "--symbol", "B"], "2 symbols are given for 1 files: give one, or one for each file"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], message: str) -> None:
    result = gate(*arguments)
    assert result.exit_code == (3 if "no archive" in message else 2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
