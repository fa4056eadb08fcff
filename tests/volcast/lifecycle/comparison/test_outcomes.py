"""Outcomes of several backtests are put side by side, or refused if they are not of the same candles."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from volcast.backtest.evaluation.outcome_table import NUMBERS
from volcast.lifecycle.comparison.outcomes import OutcomesError, align, read_outcomes

START = datetime(2024, 1, 1, 0, 59, tzinfo=UTC)


def table(model: str = "har", *, hours: int = 5, symbol: str = "BTCUSDT", factor: float = 1.0, first: int = 0) -> pl.DataFrame:
    times = [START + timedelta(hours=hour) for hour in range(first, hours)]
    values = {name: [0.001 * (hour + 1) * factor for hour in range(first, hours)] for name in NUMBERS}
    time = pl.Series(times).dt.cast_time_unit("ms")
    return pl.DataFrame({"timestamp": time, "symbol": [symbol] * len(times), "model": [model] * len(times), **values})


def frames(*tables: pl.DataFrame) -> dict[str, pl.DataFrame]:
    numbered = [each.with_columns(pl.col("timestamp").dt.epoch("ms")) for each in tables]
    return {each["model"][0]: each.drop("model") for each in numbered}


def test_both_formats_are_read_alike(tmp_path: Path) -> None:
    both = pl.concat([table("a"), table("b")])
    both.write_parquet(tmp_path / "o.parquet")
    both.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d %H:%M:%S")).write_csv(tmp_path / "o.csv")
    parquet, csv = read_outcomes(tmp_path / "o.parquet"), read_outcomes(tmp_path / "o.csv")
    assert {name: frame.rows() for name, frame in parquet.items()} == {name: frame.rows() for name, frame in csv.items()}
    assert set(parquet) == {"a", "b"}


def test_only_what_all_have_forecast_is_compared() -> None:
    found = align(frames(table("a", hours=5), table("b", hours=7, first=2)))
    (one,) = found
    assert one.symbol == "BTCUSDT"
    assert ((one.made_ms - int(START.timestamp() * 1_000)) // 60_000).tolist() == [121, 181, 241]
    assert np.array_equal(one.models["a"].variance, one.models["b"].variance)


def test_symbols_are_kept_apart() -> None:
    a = pl.concat([table("a"), table("a", symbol="ETHUSDT", hours=3)])
    b = pl.concat([table("b", symbol="ETHUSDT"), table("b")])
    assert [(each.symbol, each.made_ms.size) for each in align(frames(a, b))] == [("BTCUSDT", 5), ("ETHUSDT", 3)]


def test_other_candles_are_refused() -> None:
    with pytest.raises(OutcomesError, match="the realized volatilities of b and a differ"):
        align(frames(table("a"), table("b", factor=1.001)))
    with pytest.raises(OutcomesError, match="the models a, b have no outcome in common"):
        align(frames(table("a"), table("b", symbol="ETHUSDT")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "can't be read as scored outcomes"),
        ("timestamp,symbol\n2024-01-01 00:00:00,A\n", "has no column model, realized_volatility"),
        ("\0\0\0", "has no column timestamp"),
    ],
)
def test_a_file_of_something_else_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(content)
    with pytest.raises(OutcomesError, match=message):
        read_outcomes(tmp_path / "o.csv")


def test_wrong_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutcomesError, match="is not there"):
        read_outcomes(tmp_path / "none.csv")
    pl.concat([table(), table()]).write_parquet(tmp_path / "twice.parquet")
    with pytest.raises(OutcomesError, match="the same outcome of a model twice"):
        read_outcomes(tmp_path / "twice.parquet")
    table().with_columns(pl.lit("x").alias("forecast")).write_parquet(tmp_path / "text.parquet")
    with pytest.raises(OutcomesError, match="a column of numbers has something else in it"):
        read_outcomes(tmp_path / "text.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(OutcomesError, match="can't be read as scored outcomes"):
        read_outcomes(tmp_path / "broken.parquet")
