"""The columns that all tables begin with, and Parquet: the same rows give the same bytes, with one version of Polars.

A frame has the columns `symbol` and `day`. A file has not: both stand in its name, as in all of Hive's layout, so that readers of
a table get them from there and skip what they do not need.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import polars as pl

from volcast.core.decoder import is_symbol
from volcast.lifecycle.archive.layout import is_candle_time
from volcast.log.contract import Record

Schema = dict[str, pl.DataType]
TableRow = tuple[Any, ...]
FIRST_COLUMNS: Schema = {
    "symbol": pl.String(),
    "open_time": pl.Datetime("ms", "UTC"),
    "partition": pl.Int32(),
    "offset": pl.Int64(),
}
"""Partition and offset are those of the record on its topic."""
HIVE_COLUMNS: Schema = {"symbol": pl.String(), "day": pl.Date()}
_SORTED_BY = ("open_time", "partition", "offset")
_ROW_GROUP_ROWS = 50_000


def where(record: Record, symbol: object, time_ms: object) -> TableRow:
    """Return the first columns of a row: symbol, time, partition and offset.

    A symbol that is not valid is none, and so is a time that no candle can have: each value becomes the name of a folder.
    """
    return (
        symbol if isinstance(symbol, str) and is_symbol(symbol) else None,
        time_ms if isinstance(time_ms, int) and is_candle_time(time_ms) else None,
        record.partition,
        record.offset,
    )


def frame_of(rows: Iterable[TableRow], schema: Schema) -> pl.DataFrame:
    """Return rows as a frame, with the column `day`, sorted by time and then by their place on the log."""
    frame = pl.DataFrame(list(rows), schema=schema, orient="row")
    return sorted_rows(frame.with_columns(day=pl.col("open_time").dt.date()))


def sorted_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in the order that they have in a file. Rows of one record stay as they are."""
    return frame.sort(_SORTED_BY, nulls_last=True, maintain_order=True)


def to_parquet(frame: pl.DataFrame) -> bytes:
    """Return sorted rows of one symbol and day as a Parquet file."""
    file = BytesIO()
    frame.drop(*HIVE_COLUMNS).write_parquet(file, compression="zstd", statistics=True, row_group_size=_ROW_GROUP_ROWS)
    return file.getvalue()


def file_schema(schema: Schema) -> Schema:
    """Return the columns of a table's files."""
    return {name: kind for name, kind in schema.items() if name not in HIVE_COLUMNS}
