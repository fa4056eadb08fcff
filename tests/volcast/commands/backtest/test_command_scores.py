"""`volcast backtest` prints and writes scores, which equal those of each model alone."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result
from polars.testing import assert_frame_equal

from tests.market import csv_text
from volcast.backtest.comparison import Comparison
from volcast.backtest.scores import mean, qlike_losses
from volcast.cli.main import main

MINUTES = 4 * 1_440


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("candles") / "btcusdt.csv"
    path.write_text(csv_text(MINUTES))
    return str(path)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(path: str) -> Comparison:
    (one,) = msgspec.json.decode(Path(path).read_bytes(), type=dict[str, list[Comparison]])["comparisons"]
    return one


def test_the_table_and_the_requested_files_are_written(candles: str, folder: Path) -> None:
    result = call("backtest", candles, "--models", "har,last", "--json", "c.json", "--markdown", "c.md", "--report", "c.html")
    assert result.exit_code == 0, result.stderr
    found = read("c.json")
    assert {model.model for model in found.models} == {"two_stage", "har", "last"}
    assert (found.champion, found.symbol, found.candles, found.from_share) == ("two_stage", "BTCUSDT", MINUTES, 0.4)
    assert found.outcomes == 57  # of 58 hours, the outcome of the last one is not known yet
    for text in (result.stdout, Path("c.md").read_text(), Path("c.html").read_text()):
        assert all(name in text for name in ("two_stage", "har", "last", "BTCUSDT"))
    assert sorted(path.name for path in folder.iterdir()) == ["c.html", "c.json", "c.md"]


def test_scores_equal_those_of_each_model_alone(candles: str) -> None:
    assert call("backtest", candles, "--models", "two_stage,har", "--json", "both.json").exit_code == 0
    assert call("backtest", candles, "--models", "har", "--model", "har", "--json", "har.json").exit_code == 0
    (alone,) = read("har.json").models
    as_challenger = next(model for model in read("both.json").models if model.model == "har")
    same = ("qlike", "r2_log_median", "coverage", "winkler", "mae_bp", "price_coverage")
    assert [getattr(as_challenger, name) for name in same] == [getattr(alone, name) for name in same]


def test_the_champions_loss_equals_that_of_a_backtest(candles: str) -> None:
    assert call("backtest", candles, "--models", "two_stage", "--json", "c.json").exit_code == 0
    assert call("backtest", candles, "--forecasts", "f.csv").exit_code == 0
    forecast = np.loadtxt("f.csv", delimiter=",", skiprows=1, usecols=1)
    close = np.loadtxt(candles, delimiter=",", skiprows=1, usecols=4)
    squares = np.log(close[1:] / close[:-1]) ** 2
    hours = np.arange(int(0.4 * MINUTES) // 60 * 60 + 59, MINUTES - 60, 60)
    realized = np.array([squares[at : at + 60].sum() for at in hours])
    expected = mean(qlike_losses(realized, forecast[hours] ** 2))
    assert read("c.json").models[0].qlike == pytest.approx(expected, rel=1e-12)


def test_the_horizon_and_the_level_are_settings(candles: str) -> None:
    arguments = ("--models", "ewma", "--horizons", "15,60", "--interval-level", "0.5", "--score-from-share", "0.2")
    assert call("backtest", candles, *arguments, "--json", "c.json").exit_code == 0
    found = read("c.json")
    assert (found.horizon_minutes, found.level, found.from_share) == (15, 0.5, 0.2)


def test_too_few_outcomes_are_an_error(folder: Path) -> None:
    Path("btcusdt.csv").write_text(csv_text(100))
    result = call("backtest", "btcusdt.csv", "--models", "ewma", "--json", "c.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("volcast: BTCUSDT: 0 outcomes could be scored, but at least 48 are needed")
    assert [path.name for path in folder.iterdir()] == ["btcusdt.csv"]


def test_scored_outcomes_of_two_runs_are_those_of_one_run(candles: str) -> None:
    assert call("backtest", candles, "--models", "two_stage,har", "--outcomes", "both.parquet").exit_code == 0
    result = call("backtest", candles, "--models", "har", "--model", "har", "--outcomes", "har.csv")
    assert result.exit_code == 0
    assert result.stdout.endswith("har.csv: scored outcomes, 57 rows\n")
    both, har = pl.read_parquet("both.parquet"), pl.read_csv("har.csv", try_parse_dates=True)
    assert (both.height, both.columns) == (2 * 57, har.columns)
    alone = har.with_columns(pl.col("timestamp").dt.cast_time_unit("ms").dt.replace_time_zone("UTC"))
    assert_frame_equal(both.filter(pl.col("model") == "har"), alone, check_exact=False, rel_tol=1e-12)
