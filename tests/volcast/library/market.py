"""Frames of candles for the library's tests, and their rows as plain values."""

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa

import volcast

SAMPLE = Path(volcast.__file__).parent / "simulation/sample/BTCUSDT-simulated.csv.gz"
PRICES = ["open", "high", "low", "close"]


def sample(rows: int = 40) -> pd.DataFrame:
    """The first rows of the bundled sample, as pandas reads them."""
    return pd.read_csv(SAMPLE, nrows=rows)


def as_pandas(frame: pd.DataFrame) -> Any:
    return frame


def as_polars(frame: pd.DataFrame) -> Any:
    return pl.from_pandas(frame)


def as_arrow(frame: pd.DataFrame) -> Any:
    return pa.Table.from_pandas(frame, preserve_index=False)


KINDS = [as_pandas, as_polars, as_arrow]


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame of any kind; what is missing is None."""
    table = pl.from_pandas(frame) if isinstance(frame, pd.DataFrame) else pl.DataFrame(frame)
    return table.to_dicts()


def candles_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as arguments of `Forecaster.update`."""
    names = {"timestamp": "open_time", "volume_btc": "volume", "volume_usd": "quote_volume"}
    return [{names.get(name, name): value for name, value in row.items()} for row in frame.to_dict("records")]
