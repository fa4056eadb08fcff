"""A column that names the market: of two markets the file is refused, whatever its format and however far apart they stand."""

from pathlib import Path

import polars as pl
import pytest

from tests.candle_formats import make_rows
from volcast.candle_files.check import check_candles
from volcast.candle_files.columns.markets import market_in
from volcast.candle_files.columns.names import MARKET_NAMES
from volcast.candle_files.contract import CandleFileError
from volcast.candle_files.formats import recognize

ROWS = make_rows(40)
NAMES = ["timestamp", "open", "high", "low", "close", "volume_btc", "volume_usd"]


def table(markets: list[str], column: str = "symbol") -> pl.DataFrame:
    """Return the rows in order of time, each with its market."""
    frame = pl.DataFrame([list(row) for row in ROWS], schema=NAMES, orient="row")
    return frame.with_columns(pl.Series(column, markets))


def written(path: Path, markets: list[str], column: str = "symbol") -> Path:
    frame = table(markets, column)
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_ndjson(path)
    return path


def market(path: Path) -> str:
    return market_in(path, recognize(path))


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
@pytest.mark.parametrize("markets", [["BTC"] * 39 + ["ETH"], ["", "BTCUSDT"] + ["ETHUSDT"] * 38])
def test_a_file_of_two_markets_is_refused(tmp_path: Path, ending: str, markets: list[str]) -> None:
    path = written(tmp_path / f"btcusdt{ending}", markets)
    with pytest.raises(CandleFileError, match=r"column symbol says 'BTC.*' in (line|row) \d+ and 'ETH.*' in .*one market per"):
        check_candles(path)


@pytest.mark.parametrize("column", ["Symbol", "<TICKER>", "pair", "instrument_id", "coin"])
def test_the_market_is_read_whatever_its_column_is_called(tmp_path: Path, column: str) -> None:
    path = written(tmp_path / "data.csv", ["BTC/USDT"] * 40, column)
    assert check_candles(path).market == "BTC/USDT"
    assert f"market BTC/USDT from {column!r}" in check_candles(path).describe()


def test_one_market_may_be_written_in_two_ways_and_be_missing(tmp_path: Path) -> None:
    assert market(written(tmp_path / "data.csv", ["", "BTC/USDT", "btcusdt", " "] * 10)) == "BTC/USDT"


def test_without_such_a_column_nothing_is_known(tmp_path: Path) -> None:
    assert market(written(tmp_path / "data.csv", ["BTC", "ETH"] * 20, "note")) == ""
    assert market(written(tmp_path / "empty.csv", [""] * 40)) == ""


def test_no_name_of_a_market_is_that_of_a_number(tmp_path: Path) -> None:
    assert len(set(MARKET_NAMES)) == len(MARKET_NAMES)
    path = written(tmp_path / "data.csv", ["BTC"] * 40, "pair")
    assert None not in recognize(path).columns
