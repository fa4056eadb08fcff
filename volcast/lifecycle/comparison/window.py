"""The trailing window of the archive: the candles that models learn from and are compared on, as files and as a hash."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from volcast.backtest.periods import DAY_MS
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.quality.facts import frame_hash, interval_ms

if TYPE_CHECKING:
    import polars as pl

_LEARN_SHARE = 0.4
"""Of a short archive, from which nothing is scored, as in a backtest."""
_COLUMNS = ("open", "high", "low", "close", "volume", "quote_volume")


class ArchiveWindow(NamedTuple):
    """The candles of a window, and from when on forecasts are scored. Times are milliseconds since 1970."""

    candles: "pl.DataFrame"
    """Sorted by symbol and `open_time`, each minute once."""
    symbols: tuple[str, ...]
    score_from_ms: int
    end_ms: int
    data_hash: str


class EmptyWindowError(Exception):
    """There are no candles to compare models on: one sentence for the user."""


def read_window(archive: Archive, day: str, days: int, warmup_days: int) -> ArchiveWindow:
    """Return the window that ends with a day: so many `days` are scored, after `warmup_days` of learning.

    Only symbols that have candles on the day are in it. If the archive begins later, two fifths of it are for learning. Raises
    EmptyWindowError if the day has no candle, and as the archive does.
    """
    import polars as pl  # noqa: PLC0415  # slow to import

    begin, end = interval_ms(day)
    wanted = end - (days + warmup_days) * DAY_MS
    known = archive.candles(None, wanted, end)
    time_ms = pl.col("open_time").dt.timestamp("ms")
    symbols = known.filter(time_ms >= begin)["symbol"].unique().sort().to_list()
    if not symbols:
        raise EmptyWindowError(f"the archive has no candle of {day}")
    candles = known.filter(pl.col("symbol").is_in(symbols))
    first = int(candles.select(time_ms.min()).item())
    score_from = end - days * DAY_MS
    if first >= wanted + DAY_MS:  # the archive begins later
        score_from = max(score_from, first + int(_LEARN_SHARE * (end - first)) // DAY_MS * DAY_MS)
    digest = frame_hash(candles.with_columns(time_ms.alias("open_time_ms")))
    return ArchiveWindow(candles, tuple(symbols), min(score_from, begin), end, digest)


def write_window(window: ArchiveWindow, folder: Path) -> list[tuple[str, Path]]:
    """Write the candles of each symbol into a candle file, and return symbols and files."""
    import polars as pl  # noqa: PLC0415  # as above

    found = []
    for number, symbol in enumerate(window.symbols):
        path = folder / f"{number}-{symbol}.csv"
        rows = window.candles.filter(pl.col("symbol") == symbol)
        time = pl.col("open_time").dt.strftime("%Y-%m-%d %H:%M:%S").alias("timestamp")
        names: Sequence[pl.Expr] = [pl.col(name).map_elements(repr, return_dtype=pl.String) for name in _COLUMNS[:4]]
        volumes = [
            pl.col("volume").map_elements(repr, return_dtype=pl.String).alias("volume_btc"),
            pl.col("quote_volume").map_elements(repr, return_dtype=pl.String).alias("volume_usd"),
        ]
        rows.select(time, *names, *volumes).write_csv(path)
        found.append((symbol, path))
    return found
