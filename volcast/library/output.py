"""A data frame with the columns of its forecasts: of the same kind as the one that was given, with the same rows and index."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from volcast.core.arrays import Floats

from .columns import CANDLE, DETAIL, STATUS, Kind
from .errors import CandleFrameError

if TYPE_CHECKING:
    import polars as pl

_FIRST_WITH_NULL_TEXT = 3
"""The version of pandas from which on a column of text can have nulls: before, None became the text "None"."""


def check_new_names(frame: nw.DataFrame[Any], names: Sequence[str]) -> None:
    """Raise CandleFrameError if the frame has a column with the name of one that is to be added."""
    if taken := [name for name in names if name in frame.columns]:
        raise CandleFrameError(
            f"the frame has a column {taken[0]!r} already, the name of a column of forecasts; rename it, drop it, or give a "
            "prefix, as in run(frame, prefix='forecast_')."
        )


class FrameAnswers(NamedTuple):
    """What became of the rows of a frame, in its order."""

    values: list[bytes]
    """By row, those of `ForecastColumns`; empty where a row has no forecast."""
    statuses: list[str]
    details: list[str]
    """"" where there is nothing to say."""

    def numbers(self, width: int) -> Floats:
        """Return the values (rows, width) without those of the candle, NaN where a row has no forecast."""
        size = len(CANDLE) + width
        nothing = np.full(size, np.nan).tobytes()
        joined = b"".join([each or nothing for each in self.values])
        return np.frombuffer(joined, np.float64).reshape(len(self.values), size)[:, len(CANDLE) :]

    def texts(self) -> dict[str, list[str | None]]:
        """Return the columns of text."""
        return {STATUS: list(self.statuses), DETAIL: [each or None for each in self.details]}


def with_columns(frame: nw.DataFrame[Any], kinds: Mapping[str, Kind], found: FrameAnswers, prefix: str = "") -> Any:
    """Return the native frame with a column for each of `kinds`, which are those of `found.values`, and the two of text.

    NaN becomes null.
    """
    native = frame.to_native()
    if frame.implementation.is_pandas():
        columns = _pandas_columns(nw.get_native_namespace(frame), kinds, found)
        return _with_pandas(native, nw.get_native_namespace(frame), {f"{prefix}{name}": each for name, each in columns.items()})
    added = _polars_columns(kinds, found, prefix)
    if frame.implementation.is_polars():
        return native.hstack(added.get_columns())
    arrow = added.to_arrow()
    for name in arrow.column_names:
        native = native.append_column(name, arrow[name])
    return native


def _with_pandas(native: Any, pandas: Any, columns: Mapping[str, Any]) -> Any:
    found = pandas.concat([native, pandas.DataFrame(columns, index=native.index)], axis=1)
    found.attrs = dict(native.attrs)
    return found


def _pandas_columns(pandas: Any, kinds: Mapping[str, Kind], found: FrameAnswers) -> dict[str, Any]:
    """Counts and flags have pandas' nullable types: in NumPy's own, a null would become a number, or False."""

    def column(kind: Kind, values: Floats) -> Any:
        is_null = np.isnan(values)
        if kind is Kind.INT:
            return pandas.arrays.IntegerArray(np.where(is_null, 0.0, values).astype(np.int64), is_null)
        if kind is Kind.BOOL:
            return pandas.arrays.BooleanArray(np.where(is_null, 0.0, values) != 0.0, is_null)
        if kind is Kind.TIME:
            return pandas.DatetimeIndex(_times(values), tz="UTC")
        return values.copy()

    values = found.numbers(len(kinds))
    columns = {name: column(kind, values[:, at]) for at, (name, kind) in enumerate(kinds.items())}
    is_old = int(pandas.__version__.split(".")[0]) < _FIRST_WITH_NULL_TEXT
    text = "object" if is_old else "str"
    return columns | {name: pandas.Series(texts, dtype=text).array for name, texts in found.texts().items()}


def _polars_columns(kinds: Mapping[str, Kind], found: FrameAnswers, prefix: str) -> "pl.DataFrame":
    import polars as pl  # noqa: PLC0415  # slow to import, and frames of pandas do not need it

    values = found.numbers(len(kinds))
    types = {Kind.FLOAT: pl.Float64, Kind.INT: pl.Int64, Kind.BOOL: pl.Boolean}
    columns: dict[str, pl.Series] = {}
    for at, (name, kind) in enumerate(kinds.items()):
        series = pl.Series(values[:, at], nan_to_null=True)
        is_time = kind is Kind.TIME
        columns[f"{prefix}{name}"] = series.cast(pl.Int64).cast(pl.Datetime("ms", "UTC")) if is_time else series.cast(types[kind])
    columns |= {f"{prefix}{name}": pl.Series(texts, dtype=pl.String) for name, texts in found.texts().items()}
    return pl.DataFrame(columns)


def _times(milliseconds: Floats) -> Any:
    is_null = np.isnan(milliseconds)
    times = np.where(is_null, 0.0, milliseconds).astype(np.int64).astype("datetime64[ms]")
    times[is_null] = np.datetime64("NaT")
    return times
