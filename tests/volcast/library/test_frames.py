"""Frames as people have them: each gives the candles of the file it was read from, or is refused in a sentence."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.volcast.library.market import PRICES, SAMPLE, as_polars, sample
from volcast import CandleFrameError, CandlesRefusedWarning, Forecaster
from volcast.candle_files.contract import CandleRow
from volcast.candle_files.reader import read_candles
from volcast.library.frames import opened, read_frame

ROWS = 40
FILE = [row for _, row in zip(range(ROWS), read_candles(SAMPLE), strict=False)]
TIMES = pd.to_datetime(sample().timestamp)
EPOCH = (TIMES.astype("datetime64[ns]").astype("int64") // 10**9).to_numpy()
Make = Callable[[], Any]


def timed(times: Any) -> pd.DataFrame:
    return sample().assign(timestamp=times)


def indexed(index: Any) -> pd.DataFrame:
    return sample().drop(columns="timestamp").set_index(index)


def decimals(name: str) -> list[Decimal]:
    return [Decimal(repr(price)) for price in sample()[name]]


def numbers(row: Any) -> tuple[float, ...]:
    assert isinstance(row, CandleRow), row
    return (row.open_time_ms, *map(float, row[2:]))


SAME: dict[str, Make] = {
    "as read": sample,
    "naive datetimes": lambda: timed(TIMES),
    "datetimes of whole seconds": lambda: timed(TIMES.astype("datetime64[s]")),
    "another time zone": lambda: timed(TIMES.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")),
    "a zone with an underscore": lambda: timed(TIMES.dt.tz_localize("UTC").dt.tz_convert("America/New_York")),
    "seconds": lambda: timed(EPOCH),
    "milliseconds": lambda: timed(EPOCH * 10**3),
    "microseconds": lambda: timed(EPOCH * 10**6),
    "nanoseconds": lambda: timed(EPOCH * 10**9),
    "float nanoseconds": lambda: timed((EPOCH * 10**9).astype(float)),
    "Python's datetimes of two zones": lambda: timed(
        pd.Series([t.to_pydatetime().replace(tzinfo=UTC if i % 2 else None) for i, t in enumerate(TIMES)], dtype=object)
    ),
    "periods": lambda: timed(TIMES.dt.to_period("min")),
    "an index of times": lambda: indexed(pd.DatetimeIndex(TIMES)),
    "an index without a name": lambda: indexed(pd.DatetimeIndex(TIMES).tz_localize("UTC").rename(None)),
    "an index with a zone": lambda: indexed(pd.DatetimeIndex(TIMES, tz="UTC").tz_convert("America/New_York").rename(None)),
    "an index of text": lambda: indexed(pd.Index(sample().timestamp, name="open_time")),
    "an index that is not unique": lambda: sample().set_index(pd.Index([1] * ROWS)),
    "objects": lambda: sample().astype(object),
    "text": lambda: sample().astype(str),
    "decimals": lambda: sample().assign(**{name: decimals(name) for name in PRICES}),
    "pandas' nullable types": lambda: sample().convert_dtypes(),
    "pandas' Arrow types": lambda: sample().convert_dtypes(dtype_backend="pyarrow"),
    "float32": lambda: sample().astype(dict.fromkeys(PRICES, "float32")),
    "Polars' float32": lambda: as_polars(sample()).with_columns(pl.col(PRICES).cast(pl.Float32)),
    "Polars' datetimes": lambda: as_polars(timed(TIMES)),
    "Polars' decimals": lambda: as_polars(sample()).with_columns(pl.col(PRICES).cast(pl.Decimal(20, 2))),
    "Arrow chunks": lambda: pa.concat_tables(
        [pa.Table.from_pandas(part, preserve_index=False) for part in (sample().head(7), sample().tail(ROWS - 7))]
    ),
    "Arrow decimals": lambda: pa.table(
        {name: decimals(name) if name in PRICES else sample()[name].tolist() for name in sample()}
    ),
    "columns without names": lambda: pd.DataFrame(sample().to_numpy()),
    "names of Binance": lambda: sample().set_axis(
        ["Open time", "Open", "High", "Low", "Close", "Volume", "Quote asset volume"], axis=1
    ),
}
NAMED = {"time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "quote_volume": 6}


@pytest.mark.parametrize("kind", SAME)
def test_the_candles_are_those_of_the_file(kind: str) -> None:
    columns: Any = NAMED if kind == "columns without names" else None
    found = read_frame(opened(SAME[kind]()), columns)
    assert [numbers(row) for row in found.rows] == [numbers(row) for row in FILE]


@given(st.decimals(min_value="0.00000001", max_value=999_999, places=8), st.sampled_from([as_polars, lambda frame: frame]))
def test_a_price_of_15_digits_survives_as_float(price: Decimal, kind: Any) -> None:
    """Whatever a CSV file says: the float of a frame becomes the same decimal number."""
    frame = kind(sample(1).assign(**{name: float(price) for name in PRICES}))
    row = read_frame(opened(frame)).rows[0]
    assert isinstance(row, CandleRow)
    assert Decimal(row.close) == price


def test_without_a_quote_volume_it_is_that_of_the_close() -> None:
    row = read_frame(opened(sample(1).drop(columns="volume_usd"))).rows[0]
    assert isinstance(row, CandleRow)
    assert row.quote_volume == str(Decimal("40.60071") * Decimal("42048.2"))


def bars(minutes: float) -> pd.DataFrame:
    return timed(TIMES[0] + pd.to_timedelta(np.arange(ROWS) * minutes, unit="min"))


def of_yfinance() -> pd.DataFrame:
    names = pd.MultiIndex.from_product([["Open", "High", "Low", "Close", "Volume"], ["BTC-USD"]])
    return pd.DataFrame(sample()[[*PRICES, "volume_btc"]].to_numpy(), columns=names, index=pd.DatetimeIndex(TIMES, tz="UTC"))


REFUSED: dict[str, tuple[Make, str]] = {
    "5 minutes": (lambda: bars(5), "the rows lie 5 minutes apart"),
    "an hour": (lambda: bars(60), "the rows lie 60 minutes apart"),
    "a second": (lambda: bars(1 / 60), "most rows lie less than a minute apart"),
    "days": (lambda: timed(pd.date_range("2024-01-01", periods=ROWS).date), "'2024-01-01' is not a time"),
    "off the minute": (lambda: timed(TIMES + pd.Timedelta(seconds=30)), "40 of 40 rows have a time that is not on the minute"),
    "a nanosecond late": (lambda: timed(TIMES.astype("datetime64[ns]") + pd.Timedelta(1, "ns")), "not on the minute"),
    "small numbers": (lambda: timed(np.arange(ROWS)), "'0' is not a time"),
    "half floats": (lambda: sample().astype({"close": "float16"}), "'close' is of float16"),
    "rounding errors": (lambda: sample().assign(close=sample().close + 1e-11), r"Forecaster\(price_decimals=12\)"),
    "flags": (lambda: sample().assign(close=True), "'True' is not a number"),
    "two markets": (lambda: pd.concat([sample(), sample().assign(**dict.fromkeys(PRICES, 1.0))]), "a column 'symbol'"),
    "levels of columns": (of_yfinance, r"frame.xs\(TICKER, axis=1, level=1\)"),
    "a column twice": (lambda: pd.concat([sample(), sample()[["close"]]], axis=1), "several columns of one name"),
    "no close": (
        lambda: sample().drop(columns="close"),
        r"no column for close; .* as in columns={'close': NAME}",
    ),
    "closing times": (lambda: sample().rename(columns={"timestamp": "close_time"}), "'close_time' is when a candle closes"),
    "no columns": (pd.DataFrame, "the frame has no columns"),
    "a lazy frame": (lambda: as_polars(sample()).lazy(), r"call .collect\(\) first"),
    "a list": (lambda: [1, 2], "this is a builtins.list"),
    "a series": (lambda: sample().close, "this is a pandas.Series"),
    "an array": (lambda: sample().to_numpy(), "this is a numpy.ndarray"),
    "a path": (lambda: "candles.csv", "this is a builtins.str"),
    "nothing": (lambda: None, "this is a builtins.NoneType"),
    "a name that is taken": (lambda: sample().assign(signal=1), r"a column 'signal' already.*prefix"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_frame_of_something_else_is_refused(kind: str) -> None:
    make, sentence = REFUSED[kind]
    forecaster = Forecaster()
    with pytest.raises(CandleFrameError, match=sentence):
        forecaster.run(make())
    assert forecaster.symbols == ()


def test_a_prefix_makes_room_for_columns_of_the_same_name() -> None:
    found = Forecaster().run(sample().assign(signal=7), prefix="forecast_")
    assert found.signal.eq(7).all()
    assert found.forecast_signal.notna().all()


@pytest.mark.parametrize(
    "kind", [lambda frame: frame, as_polars, lambda frame: pa.Table.from_pandas(frame, preserve_index=False)]
)
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_frame_of_few_rows_keeps_its_length(kind: Any, rows: int) -> None:
    found = Forecaster().run(kind(sample().head(rows)))
    assert len(found) == rows
    statuses = found["candle_status"].to_pylist() if isinstance(found, pa.Table) else found["candle_status"].to_list()
    assert statuses == [[], ["waiting"], ["accepted", "accepted"]][rows]


def test_yfinance_frames_of_one_market_are_read() -> None:
    assert Forecaster().run(of_yfinance().xs("BTC-USD", axis=1, level=1)).candle_status.eq("accepted").all()


def test_an_index_of_symbol_and_time_is_read() -> None:
    both = pd.concat([timed(TIMES).assign(symbol=name) for name in ("BTCUSDT", "ETHUSDT")]).set_index(["symbol", "timestamp"])
    forecaster = Forecaster()
    found = forecaster.run(both)
    assert found.index.equals(both.index)
    assert forecaster.symbols == ("BTCUSDT", "ETHUSDT")


def test_rows_without_time_price_or_symbol_say_so() -> None:
    frame = timed(TIMES).assign(symbol="BTCUSDT")
    frame.loc[3, "timestamp"] = pd.NaT
    frame.loc[4, "symbol"] = None
    frame.loc[5, "close"] = np.nan
    with pytest.warns(CandlesRefusedWarning):
        found = Forecaster().run(frame)
    assert found.candle_status[3:6].tolist() == ["bad_time", "bad_symbol", "not_a_number"]
    assert found.candle_detail[3:5].tolist() == ["the row has no time", "the row has no symbol"]


def test_a_time_far_ahead_waits_and_spoils_nothing() -> None:
    frame = timed([datetime(2099, 1, 1) if at == 7 else time for at, time in enumerate(TIMES)])  # noqa: DTZ001  # as in frames
    found = Forecaster().run(frame)
    assert found.candle_status.value_counts().to_dict() == {"accepted": 39, "waiting": 1}
    assert found.candle_status[7] == "waiting"


def test_the_types_of_columns_do_not_depend_on_their_values() -> None:
    few, many = Forecaster().run(sample(1)), Forecaster().run(sample())
    assert few.dtypes.equals(many.dtypes)
    assert Forecaster().run(as_polars(sample(1))).schema == Forecaster().run(as_polars(sample())).schema
