"""`volcast compare`: from candles and from outcomes, the exit codes, and what it says of wrong input."""

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tests.market import csv_text
from tests.volcast.lifecycle.comparison.outcome_streams import frames, outcomes_of
from volcast.cli.main import main
from volcast.lifecycle.comparison.result import decode_comparison


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def write(models: dict[str, float], *, seed: int = 1) -> None:
    """Write a file of outcomes for each model, as a backtest does."""
    for name, frame in frames([outcomes_of(models, seed=seed)]).items():
        time = pl.col("timestamp").cast(pl.Datetime("ms", "UTC"))
        frame.with_columns(time, pl.lit(name).alias("model")).write_parquet(f"{name}.parquet")


def test_candles_are_backtested_in_a_process_for_each_model() -> None:
    Path("btcusdt.csv").write_text(csv_text(2 * 1_440))
    result = compare(
        "btcusdt.csv", "--champion", "last", "--models", "ewma", "--from", "2024-01-01T12:00", "--json", "c.json",
        "--markdown", "c.md", "--report", "c.html",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith("last goes on: no verdict is possible. There are ")
    found = decode_comparison(Path("c.json").read_bytes())
    assert ([each.model for each in found.models], found.horizon_minutes, found.symbols) == (["last", "ewma"], 60, ("BTCUSDT",))
    assert found.models[0].scores[0].outcomes == 35
    assert {"volcast", "numpy", "river"} <= set(found.versions)
    assert "Comparison of models" in Path("c.html").read_text()
    assert "| ewma | unknown |" in Path("c.md").read_text()


def test_a_failed_backtest_is_told() -> None:
    Path("btcusdt.csv").write_text("nothing\n")
    result = compare("btcusdt.csv", "--models", "ewma")
    assert result.exit_code == 2
    assert "volcast: the backtest of two_stage failed with exit code 2: btcusdt.csv" in result.stderr


def test_outcomes_are_compared_without_a_backtest() -> None:
    write({"good": 0.2, "bad": 1.0})
    result = compare("--outcomes", "bad.parquet", "--outcomes", "good.parquet", "--champion", "bad", "--json", "c.json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("good: leads. good is better than bad beyond chance: ")
    assert decode_comparison(Path("c.json").read_bytes()).winner == "good"


def test_the_gate_of_a_pull_request_refuses_what_is_worse_beyond_chance() -> None:
    """The same model before and after a change: better and as good may pass, worse may not."""
    write({"old": 0.4, "same": 0.4, "worse": 1.0})
    pl.read_parquet("old.parquet").with_columns(pl.lit("two_stage").alias("model")).write_parquet("after.parquet")
    champion = ("--outcomes", "production=old.parquet", "--champion", "production", "--fail-if-worse")
    unchanged = compare(*champion, "--outcomes", "changed=after.parquet")
    assert (unchanged.exit_code, unchanged.stderr) == (0, "")
    assert "All losses are those of the champion." in unchanged.stdout
    assert compare(*champion, "--outcomes", "changed=same.parquet").exit_code == 0
    refused = compare(*champion, "--outcomes", "changed=worse.parquet")
    assert (refused.exit_code, refused.stderr) == (1, "refused: changed\n")
    assert "changed: worse. changed is worse than production beyond chance: " in refused.stdout
    short = compare(*champion, "--outcomes", "changed=same.parquet", "--min-outcomes", 10_000)
    assert (short.exit_code, short.stderr) == (1, "refused: changed\n"), "what cannot be judged has not passed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name candle files, outcomes by --outcomes, or an archive by --archive: one of the three"),
        (
            ["a.csv", "--outcomes", "b.parquet"],
            "name candle files, outcomes by --outcomes, or an archive by --archive: one of the",
        ),
        (["a.csv", "--interval", "2024-01-01"], "--interval and --history are of an archive: name it by --archive ROOT"),
        (["--archive", "file:///none"], "--archive needs --interval DAY, the last day of the window, or --history"),
        (["--archive", "file:///none", "--history"], "there is no archive at file:///none"),
        (["--outcomes", "none.parquet"], "none.parquet is not there"),
        (["--outcomes", "a.parquet", "--champion", "x"], "the champion x is not among the models a"),
        (
            ["--outcomes", "a.parquet", "--outcomes", "a.parquet"],
            "two files have outcomes of a; name one of them, as in other=a.parquet",
        ),
        (["--outcomes", "x=both.parquet"], "both.parquet has the outcomes of a, b; x can be the name of one model only"),
        (["--outcomes", "a.parquet", "--json", "c.txt"], "--json c.txt: .txt files are not written here"),
        (["--outcomes", "a.parquet", "--margin", "1"], "Invalid value for '--margin'"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], message: str) -> None:
    write({"a": 0.5, "b": 0.5})
    pl.concat([pl.read_parquet("a.parquet"), pl.read_parquet("b.parquet")]).sort("model").write_parquet("both.parquet")
    result = compare(*arguments)
    assert result.exit_code == (3 if "no archive" in message else 2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
