"""The candles of an archive as candle files, for `volcast backtest` and whatever else reads files."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import polars as pl

from .read import Archive
from .store import StoreError


class ExportedCandles(NamedTuple):
    """A candle file, and the symbol of its candles."""

    symbol: str
    path: Path


def export_candles(
    archive: Archive, folder: Path, symbols: Collection[str] = (), to_ms: int | None = None
) -> list[ExportedCandles]:
    """Write the candles before `to_ms` that the consumer would take, into a Parquet file for each symbol, and return the files.

    Without symbols they are those of all. Raises StoreError if there are none of a symbol.
    """
    found = []
    known = {each.symbol for each in archive.files("candles") if each.symbol}
    if missing := sorted(set(symbols) - known):
        raise StoreError(f"{archive.store.root} has no candles of {', '.join(missing)}")
    for number, symbol in enumerate(sorted(symbols or known)):
        candles = archive.candles([symbol], to_ms=to_ms)
        if candles.height:
            path = folder / f"{number}.parquet"
            candles.select(
                pl.col("open_time").alias("timestamp"),
                *("open", "high", "low", "close"),
                pl.col("volume").alias("volume_btc"),
                pl.col("quote_volume").alias("volume_usd"),
            ).write_parquet(path)
            found.append(ExportedCandles(symbol, path))
    if not found:
        raise StoreError(f"{archive.store.root} has no candles" + (" before that time" if to_ms is not None else ""))
    return found
