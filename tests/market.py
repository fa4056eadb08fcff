"""Candles for tests, as values, records and CSV rows: single ones by minute and close, or a seeded random walk."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from math import exp
from random import Random
from typing import Any

from volcast.core.codec import CandleText, encode_candle
from volcast.core.types import MINUTE_MS, Candle

SYMBOL = "BTCUSDT"
START_MS = 1_704_067_200_000
"""2024-01-01."""
DECIMALS = 2
CSV_HEADER = "timestamp,open,high,low,close,volume_btc,volume_usd"


def at(minute: int) -> int:
    """Return the open_time_ms of a minute, counted from `START_MS`."""
    return START_MS + minute * MINUTE_MS


def candle(minute: int, close: str | float, *, symbol: str = SYMBOL, decimals: int = DECIMALS, volume: float = 1.0) -> Candle:
    """Return a candle whose four prices are equal."""
    price = Decimal(str(close))
    units, value = int(price.scaleb(decimals)), float(price)
    four = (value, value, value, value)
    return Candle(symbol, at(minute), *four, units, volume, value * volume, "test", live=False, closed_by="file")


def candle_text(minute: int, close: str, *, symbol: str = SYMBOL, **fields: Any) -> CandleText:
    """Return such a candle as its producer reads it, with any of its fields replaced."""
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    other = {"volume": "1", "quote_volume": close, "source": "test.csv", "closed_by": "file", "line": minute + 2}
    return CandleText(**{"symbol": symbol, "open_time_ms": at(minute), **prices, **other, **fields})


def record(minute: int, close: str, **fields: Any) -> bytes:
    """Return such a candle as a record of `candles`."""
    return encode_candle(candle_text(minute, close, **fields))


def prices(count: int, seed: int = 1, start: float = 42_000.0, step: float = 0.0007) -> Iterator[str]:
    """Yield a random walk of closes with two decimals; every fourth one repeats the close before."""
    random = Random(seed)  # the same candles each time
    close = start
    for i in range(count):
        if i % 4:
            close *= exp(random.gauss(0.0, step))
        yield f"{max(close, 0.01):.{DECIMALS}f}"


def walk(minutes: int | Iterable[int], seed: int = 1, **how: Any) -> list[Candle]:
    """Return a random walk over the given minutes, or over the first so many."""
    chosen = list(range(minutes) if isinstance(minutes, int) else minutes)
    return [candle(minute, close) for minute, close in zip(chosen, prices(len(chosen), seed, **how), strict=True)]


def minutes_with_gaps(count: int, seed: int = 1, share: float = 0.01) -> list[int]:
    """Return `count` rising minutes; before each one up to 90 are missing with the probability `share`."""
    random = Random(seed)  # the same candles each time
    minutes, minute = [], -1
    for _ in range(count):
        minute += 1 + (random.randint(1, 90) if random.random() < share else 0)
        minutes.append(minute)
    return minutes


def csv_text(minutes: int | Iterable[int], seed: int = 1) -> str:
    """Return a random walk as the text of a CSV file with a header."""
    rows = [CSV_HEADER]
    for one in walk(minutes, seed):
        time = datetime.fromtimestamp(one.open_time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        rows.append(f"{time},{one.open},{one.high},{one.low},{one.close},{one.volume},{one.quote_volume}")
    return "\n".join(rows) + "\n"
