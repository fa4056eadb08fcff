"""`volcast backtest --quantiles`: rows of the hours or of all minutes, ordered quantiles, and scores that do not depend on it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.market import csv_text
from volcast.cli.main import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def backtest(*arguments: str) -> Result:
    """Run the command with the champion alone."""
    return CliRunner().invoke(main, ["backtest", *arguments, "--models", "two_stage"])


def lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def test_quantiles_have_a_row_an_hour_or_as_many_as_are_asked_for_and_never_cross() -> None:
    Path("btcusdt.csv").write_text(csv_text(200))
    result = backtest("btcusdt.csv", "--quantiles", "hours.csv")
    assert result.exit_code == 0
    assert result.stdout.endswith("hours.csv: quantiles, 3 of BTCUSDT\n")
    assert backtest("btcusdt.csv", "--quantiles", "all.csv", "--quantiles-every", "1").exit_code == 0
    header, *hours = lines("hours.csv")
    assert header.startswith("timestamp,return_0.005,return_0.01,")
    assert header.endswith(",rv_0.99,rv_0.995")
    assert [row.split(",")[0] for row in hours] == [f"2024-01-01 0{hour}:59:00" for hour in range(3)]
    everything = lines("all.csv")
    assert len(everything) == 201
    assert set(hours) < set(everything)
    for row in everything[1:]:
        numbers = list(map(float, row.split(",")[1:]))
        for family in range(4):
            assert sorted(numbers[13 * family : 13 * family + 13]) == numbers[13 * family : 13 * family + 13]


def test_how_many_rows_of_quantiles_are_written_changes_no_score() -> None:
    Path("btcusdt.csv").write_text(csv_text(5_760))
    for every in ("60", "20"):
        files = ["--quantiles", f"q{every}.csv", "--json", f"c{every}.json"]
        assert backtest("btcusdt.csv", *files, "--quantiles-every", every).exit_code == 0
    assert len(lines("q20.csv")) == 3 * len(lines("q60.csv")) - 2
    assert Path("c60.json").read_bytes() == Path("c20.json").read_bytes()
    assert b'"distribution": {' in Path("c60.json").read_bytes()
