"""What is written for each candle: the same numbers in every format, and the records of `signals` as the log has them."""

import gzip
from dataclasses import replace
from pathlib import Path

import msgspec
import polars as pl
import pytest

from tests.volcast.commands.backtest.plans import candles, joined, plan_of, run_all
from volcast.commands.backtest import files, job
from volcast.commands.backtest.files import write_forecasts, write_quantiles, write_signals
from volcast.commands.backtest.series import Series
from volcast.core.codec import decode_signal, encode_signal
from volcast.core.types import Signal
from volcast.settings.schema import Settings

HORIZONS = Settings(horizons=(15, 30), shadows=("last",))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Series]:
    """The results of two symbols, with two horizons and two other models."""
    folder = tmp_path_factory.mktemp("two")
    plan = plan_of(candles(folder, 150), candles(folder, 90, "ethusdt"), settings=HORIZONS).within(folder)
    run_all(plan, folder)
    return joined(plan, folder)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and row groups of 40 rows."""
    monkeypatch.setattr(files, "_BLOCK_ROWS", 40)


def test_forecasts_are_the_same_in_parquet_and_csv(two: list[Series], tmp_path: Path) -> None:
    write_forecasts(tmp_path / "f.csv.gz", two)
    write_forecasts(tmp_path / "f.parquet", two)
    text = gzip.decompress((tmp_path / "f.csv.gz").read_bytes()).decode()
    columns = ["forecast", "median", "lower", "upper"]
    suffixes = ["", "_30", "_har", "_ewma", "_last"]
    assert set(text.splitlines()[0].split(",")) == {"timestamp", "symbol", *(f"{c}{s}" for s in suffixes for c in columns)}
    table = pl.read_parquet(tmp_path / "f.parquet")
    assert table.schema["timestamp"] == pl.Datetime("ms", "UTC")
    shown = table.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d %H:%M:%S"))
    assert shown.rows() == [
        (time, symbol, *map(float, numbers)) for time, symbol, *numbers in (row.split(",") for row in text.splitlines()[1:])
    ]


def test_signals_are_the_records_of_the_log_with_the_shadows_of_the_settings(two: list[Series], tmp_path: Path) -> None:
    write_signals(tmp_path / "s.jsonl", two)
    records = (tmp_path / "s.jsonl").read_bytes().splitlines()
    signals = [decode_signal(record) for record in records]
    assert [encode_signal(signal) for signal in signals if isinstance(signal, Signal)] == records
    assert [signal.symbol for signal in signals] == ["BTCUSDT"] * 150 + ["ETHUSDT"] * 90
    assert {tuple(shadow.model for shadow in signal.shadows) for signal in signals if isinstance(signal, Signal)} == {("last",)}


def test_signals_in_parquet_have_the_same_fields(two: list[Series], tmp_path: Path) -> None:
    write_signals(tmp_path / "s.jsonl", two)
    write_signals(tmp_path / "s.parquet", two)
    expected = [msgspec.json.decode(line) for line in (tmp_path / "s.jsonl").read_bytes().splitlines()]
    for record in expected:
        del record["kind"], record["v"]
    table = pl.read_parquet(tmp_path / "s.parquet")
    assert table.columns == list(Signal.__struct_fields__)
    assert table.to_dicts() == expected


def test_parquet_has_row_groups_and_the_same_bytes_whatever_the_chunks(
    two: list[Series], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "CHUNK_ROWS", 17)
    monkeypatch.setattr(job, "_LOOK_ROWS", 17)
    plan = plan_of(candles(tmp_path, 150), candles(tmp_path, 90, "ethusdt"), settings=HORIZONS).within(tmp_path)
    run_all(plan, tmp_path)
    others = joined(plan, tmp_path)
    for write, name in ((write_forecasts, "f.parquet"), (write_quantiles, "q.parquet"), (write_signals, "s.parquet")):
        write(tmp_path / name, two)
        write(tmp_path / f"again-{name}", others)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()


def test_quantiles_are_those_of_the_signals_for_all_horizons(two: list[Series], tmp_path: Path) -> None:
    write_quantiles(tmp_path / "q.csv.gz", two)
    write_quantiles(tmp_path / "q.parquet", two)
    write_signals(tmp_path / "s.jsonl", two)
    table = pl.read_parquet(tmp_path / "q.parquet")
    text = gzip.decompress((tmp_path / "q.csv.gz").read_bytes()).decode()
    header, *lines = (line.split(",") for line in text.splitlines())
    assert header == table.columns
    shown = table.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%d %H:%M:%S"))
    assert shown.rows() == [(time, symbol, *map(float, numbers)) for time, symbol, *numbers in lines]
    decoded = [decode_signal(record) for record in (tmp_path / "s.jsonl").read_bytes().splitlines()]
    ends = [each for each in decoded if isinstance(each, Signal) and each.open_time_ms // 60_000 % 60 == 59]
    assert [row["symbol"] for row in table.to_dicts()] == ["BTCUSDT"] * 2 + ["ETHUSDT"]
    for signal, row in zip(ends, table.to_dicts(), strict=True):
        for quantiles, suffix in ((signal.quantiles, ""), (signal.other_horizons[0].quantiles, "_30")):
            named = {"return": "log_return", "high": "log_high", "low": "log_low", "rv": "realized_volatility"}
            for family, field in named.items():
                columns = [f"{family}_{level:g}{suffix}" for level in quantiles.levels]
                assert [row[column] for column in columns] == list(getattr(quantiles, field))


def test_without_a_row_there_are_columns(two: list[Series], tmp_path: Path) -> None:
    nothing = [replace(series, open_time_ms=series.open_time_ms[:0]) for series in two]
    write_forecasts(tmp_path / "f.parquet", nothing)
    write_forecasts(tmp_path / "f.csv", nothing)
    assert pl.read_parquet(tmp_path / "f.parquet").shape == (0, 22)
    assert len((tmp_path / "f.csv").read_text().splitlines()) == 1
