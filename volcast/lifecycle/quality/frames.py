"""Candles as the frames that the gate checks: of candle files, and of the archive with what the pipeline has refused."""

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from volcast.backtest.periods import DAY_MS
from volcast.candle_files.cells import Cells
from volcast.candle_files.contract import CandleRow, FileOptions
from volcast.candle_files.formats import recognize
from volcast.candle_files.reader import read_rows
from volcast.lifecycle.archive.read import Archive

from .facts import REFERENCE_DAYS, interval_ms
from .schemas import FRAME_SCHEMA, JUDGED_COLUMNS


class EveryRow(Cells):
    """The cells of each row, of a minute without a price, too: for the gate it is a minute whose values are missing."""

    def row(self, line: int, cells: Sequence[str], open_time_ms: int | None = None) -> CandleRow:
        """Return the row. Raises CandleFileError for a cell that is no number or no time."""
        found = super().row(line, cells, open_time_ms)
        if found is not None:
            return found
        time_ms = self._parse_ms(cells[0]) if open_time_ms is None else open_time_ms
        return CandleRow(line, time_ms, *["nan"] * 6)


def file_frame(path: Path, symbol: str, options: FileOptions) -> pl.DataFrame:
    """Return the rows of a candle file; a number that is missing is null. Raises CandleFileError if the file cannot be read."""
    file_format = recognize(path, options)
    rows = read_rows(path, file_format, EveryRow(path, file_format))
    cells = [(row.open_time_ms, *(_number(getattr(row, name)) for name in JUDGED_COLUMNS)) for row in rows]
    frame = pl.DataFrame(cells, schema={name: kind for name, kind in FRAME_SCHEMA.items() if name != "symbol"}, orient="row")
    return frame.with_columns(pl.lit(symbol).alias("symbol")).select(*FRAME_SCHEMA)


def archive_frame(archive: Archive, day: str, symbols: Collection[str] | None = None) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the candles of a day and of the month before it, and by symbol how many minutes of the day were refused.

    The candles are those that the consumer has accepted, each minute once: that two producers send the same ones is no fault of
    the data. A minute is refused if none of its candles was accepted.
    """
    begin, end = interval_ms(day)
    known = archive.candles(symbols, begin - REFERENCE_DAYS * DAY_MS, end)
    time_ms = pl.col("open_time").dt.timestamp("ms").alias("open_time_ms")
    frame = known.select("symbol", time_ms, *JUDGED_COLUMNS).with_columns(pl.col(*JUDGED_COLUMNS).fill_nan(None))
    market = pl.col("kind").is_in(["candle", "unreadable"]) & pl.col("symbol").is_not_null()
    raw = archive.scan("candles", symbols, day, day).filter(market).select("symbol", pl.col("open_time").dt.timestamp("ms"))
    accepted = frame.lazy().filter(pl.col("open_time_ms") >= begin)
    left = raw.unique().join(accepted, left_on=["symbol", "open_time"], right_on=["symbol", "open_time_ms"], how="anti")
    counts = left.group_by("symbol").len().collect()
    return frame, {str(symbol): int(count) for symbol, count in counts.iter_rows()} | dict.fromkeys(
        set(frame["symbol"].unique()) - set(counts["symbol"]), 0
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value else None  # noqa: PLR0124  # pandera would take NaN for a large number
