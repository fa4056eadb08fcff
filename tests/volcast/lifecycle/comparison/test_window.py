"""The window of an archive: exact candles, of the symbols of the day, with days for learning before those that are scored."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from producer.csv_replay import CsvReplay
from volcast.core.codec import encode_candle
from volcast.core.decoder import Decoder
from volcast.core.types import Candle
from volcast.lifecycle.comparison.window import ArchiveWindow, EmptyWindowError, read_window, write_window

DAY_MS = 86_400_000
START = datetime(2024, 1, 1, tzinfo=UTC)


class Store:
    """An archive of one frame of candles."""

    def __init__(self, candles: pl.DataFrame) -> None:
        self._candles = candles

    def candles(self, symbols: None, from_ms: int, to_ms: int) -> pl.DataFrame:
        assert symbols is None
        time_ms = pl.col("open_time").dt.timestamp("ms")
        return self._candles.filter(time_ms >= from_ms, time_ms < to_ms)


def candles(days: int, symbol: str = "BTCUSDT", price: float = 100.0) -> pl.DataFrame:
    time = pl.datetime_range(START, pl.lit(START) + pl.duration(days=days), "1m", closed="left", time_unit="ms")
    rows = pl.select(time.alias("open_time")).with_columns(pl.lit(symbol).alias("symbol"))
    return rows.with_columns(pl.lit(price).alias(name) for name in ("open", "high", "low", "close", "volume", "quote_volume"))


def window(frame: pl.DataFrame, day: str, days: int, warmup_days: int) -> ArchiveWindow:
    return read_window(Store(frame), day, days, warmup_days)  # type: ignore[arg-type]  # it reads `candles` alone


def day(number: int) -> int:
    return int(START.timestamp() * 1_000) + (number - 1) * DAY_MS


def test_days_for_learning_come_before_those_that_are_scored() -> None:
    found = window(candles(31), "2024-01-31", days=10, warmup_days=5)
    assert (found.score_from_ms, found.end_ms) == (day(22), day(32))
    assert found.candles["open_time"].min() == datetime(2024, 1, 17, tzinfo=UTC)
    assert found.symbols == ("BTCUSDT",)


@pytest.mark.parametrize(("days", "scored_from"), [(10, 5), (1, 1), (2, 1)])
def test_of_a_short_archive_two_fifths_are_for_learning(days: int, scored_from: int) -> None:
    found = window(candles(days), f"2024-01-{days:02}", days=30, warmup_days=30)
    assert found.score_from_ms == day(scored_from)


def test_only_symbols_of_the_day_are_compared() -> None:
    both = pl.concat([candles(5), candles(3, "ETHUSDT")]).sort("symbol", "open_time")
    assert window(both, "2024-01-05", 3, 1).symbols == ("BTCUSDT",)
    assert window(both, "2024-01-03", 3, 1).symbols == ("BTCUSDT", "ETHUSDT")
    with pytest.raises(EmptyWindowError, match="the archive has no candle of 2024-01-06"):
        window(both, "2024-01-06", 3, 1)


def test_the_hash_is_of_the_candles() -> None:
    one = window(candles(5), "2024-01-05", 3, 1).data_hash
    assert window(candles(6), "2024-01-05", 3, 1).data_hash == one
    assert window(candles(5, price=101.0), "2024-01-05", 3, 1).data_hash != one


@pytest.mark.parametrize("price", [100.0, 46_250.01, 1.2e-07, 123_456_789.0, 0.1 + 0.2])
def test_files_have_the_very_numbers(price: float, tmp_path: Path) -> None:
    """What the decoder reads from the file is the number in the archive, if it has no more digits than a price may have."""
    ((symbol, path),) = write_window(window(candles(2, "BTCUSDT.BINANCE", price), "2024-01-02", 1, 1), tmp_path)
    assert symbol == "BTCUSDT.BINANCE"
    rows = list(CsvReplay(path, symbol).unsent_candles())
    assert len(rows) == 2_880
    assert {float(row.close) for row in rows} == {price}
    item = Decoder(12).decode(symbol.encode(), encode_candle(rows[0]))
    assert isinstance(item, Candle) == (price != 0.1 + 0.2)
