"""The rolling mean on real minutes of BTCUSDT, whose number of 1-signals is known; skipped if the files are not there."""

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.real_minutes import real_minutes
from volcast.core.codec import CandleText, encode_candle
from volcast.core.decoder import Decoder
from volcast.core.rolling import RollingMean
from volcast.core.types import MINUTE_MS, Candle

SYMBOL = "BTCUSDT"


def candles(path: Path) -> Iterator[Candle]:
    """Yield the candle of each row, encoded and decoded."""
    decoder = Decoder()
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        assert next(rows) == ["timestamp", "open", "high", "low", "close", "volume_btc", "volume_usd"]
        for line, (time, *numbers) in enumerate(rows, start=2):
            open_time_ms = int(datetime.fromisoformat(time + "+00:00").timestamp()) * 1_000
            open_, high, low, close, volume, quote = numbers
            text = CandleText(SYMBOL, open_time_ms, open_, high, low, close, volume, quote, path.name, "file", line=line)
            candle = decoder.decode(SYMBOL.encode(), encode_candle(text))
            assert isinstance(candle, Candle), candle
            yield candle


def test_signals_of_one_month(request: pytest.FixtureRequest) -> None:
    short, long = RollingMean(5), RollingMean(20)
    signals = [
        (short.push(candle.close_units), long.push(candle.close_units))
        for candle in candles(real_minutes("btcusdt-1m-2024-01.csv.gz", request))
    ]
    assert len(signals) == 44_640
    assert sum(one for one, _ in signals) == 22_720
    assert round(22_720 / len(signals), 6) == 0.508961
    assert sum(one for _, one in signals) == 22_515


def test_signals_of_two_and_a_half_years(request: pytest.FixtureRequest) -> None:
    mean, count, ones, missing, last_ms = RollingMean(5), 0, 0, [], None
    for candle in candles(real_minutes("btcusdt-1m-2022-2024.csv.gz", request)):
        ones += mean.push(candle.close_units)
        count += 1
        if last_ms is not None and candle.open_time_ms != last_ms + MINUTE_MS:
            missing.append((candle.open_time_ms - last_ms) // MINUTE_MS - 1)
        last_ms = candle.open_time_ms
    assert (count, ones, missing) == (1_306_000, 654_990, [80])
