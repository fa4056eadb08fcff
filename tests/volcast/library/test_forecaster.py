"""The library gives the numbers of the stream: same candles, same engine, same bits."""

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import volcast
from producer.csv_replay import CsvReplay
from volcast import Forecaster
from volcast.backtest.run import BacktestReplay
from volcast.core.decoder import Decoder
from volcast.core.engine import Engine
from volcast.core.types import EngineConfig, Signal

SAMPLE = Path(volcast.__file__).parent / "simulation/sample/BTCUSDT-simulated.csv.gz"
ROWS = 200


def stream(config: EngineConfig, rows: int = ROWS) -> list[Signal]:
    """The signals of the sample's first rows as a stream has them: text of a file, records, decoder, engine."""
    engine = Engine("BTCUSDT", config, 8)
    candles = list(CsvReplay(SAMPLE).candles())[:rows]
    return list(BacktestReplay(engine, Decoder()).signals(candles))


def sample(rows: int = ROWS) -> pd.DataFrame:
    return pd.read_csv(SAMPLE, nrows=rows)


def as_polars(frame: pd.DataFrame) -> pl.DataFrame:
    return pl.from_pandas(frame)


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def as_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame of any kind; what is missing is None."""
    table = pl.from_pandas(frame) if isinstance(frame, pd.DataFrame) else pl.DataFrame(frame)
    return table.to_dicts()


def value_in(signal: Any, name: str) -> Any:
    """What a signal says in a column."""
    if name.startswith("outcome_"):
        return None if signal.outcome is None else getattr(signal.outcome, name.removeprefix("outcome_"))
    return getattr(signal, name)


@pytest.mark.parametrize("kind", [as_pandas, as_polars, as_arrow])
def test_a_frame_gives_the_numbers_of_the_stream(kind: Any) -> None:
    config = EngineConfig(horizons=(60, 15), shadows=("ewma",))
    signals = stream(config)
    frame = kind(sample())
    found = Forecaster(horizons=(60, 15), shadows=["ewma"]).run(frame)
    assert type(found) is type(frame)
    compared = 0
    for row, signal in zip(rows_of(found), signals, strict=True):
        parts = {"": signal, "_15": signal.other_horizons[0]}
        for name, value in row.items():
            if name in {
                "timestamp",
                "open",
                "high",
                "low",
                "close",
                "volume_btc",
                "volume_usd",
                "candle_status",
                "candle_detail",
            }:
                continue
            if name == "valid_until":
                assert value.timestamp() * 1_000 == signal.open_time_ms + 240_000
            elif name == "drift_alarms":
                assert value == len(signal.drift_alarms)
            elif name == "volatility_ewma":
                assert value == signal.shadows[0].volatility
            else:
                suffix = "_15" if name.endswith("_15") else ""
                assert value == value_in(parts[suffix], name.removesuffix(suffix)), name
            compared += 1
        assert (row["candle_status"], row["candle_detail"]) == ("accepted", None)
    assert compared > 40 * ROWS
