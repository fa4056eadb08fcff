"""Data frames of pandas, Polars and Arrow, read as rows of candles: which column is what, and each number as exact text.

Columns are recognized as in candle files (`volcast.candle_files`); in pandas the index counts as a column, too. A float becomes
its shortest text, so that a frame and the CSV file it was read from give the same candle; a float32 becomes the shortest text of
a float32. A bad value is the matter of its row, a missing column that of the frame.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from volcast.candle_files.cells import Cells
from volcast.candle_files.columns.names import MARKET_NAMES, plain_name
from volcast.candle_files.contract import ROLES, CandleFileError, CandleRow, Columns, FileFormat, FileOptions
from volcast.candle_files.text_format import columns_of
from volcast.candle_files.timestamps import parse_open_time_ms

from .errors import CandleFrameError

NO_PRICE, BAD_TIME, NOT_A_NUMBER = "no_price", "bad_time", "not_a_number"
_FRAME = Path("the frame")
_REQUIRED = ROLES[:5]
_SAMPLE_ROWS = 100
_MINUTE_MS = 60_000
_PER_MS = {"ms": 1, "us": 1_000, "ns": 1_000_000}
_FROM_MS, _TO_MS = 10**11, 10**13
"""From 1973 to 2286, as in candle files."""
_MISSING = frozenset({"<NA>", "NaT", "None"})


class Unreadable(NamedTuple):
    """A row that is no candle: why, in one word and in a sentence."""

    status: str
    detail: str


class FrameCandles(NamedTuple):
    """The rows of a frame, in its order."""

    rows: list[CandleRow | Unreadable]
    symbols: list[str] | None
    """By row; None if the frame has no such column."""
    has_volume: bool
    """Whether the frame has a column of volumes."""


class _Column(NamedTuple):
    name: str
    values: nw.Series[Any]


def read_frame(frame: Any, columns: Mapping[str, str] | None = None) -> FrameCandles:
    """Return the rows of a data frame. `columns` names the columns that are not recognized, by role, one of `ROLES`.

    Raises CandleFrameError if it is no data frame, or lacks a column.
    """
    table = _columns_of(opened(frame))
    header = [column.name for column in table]
    found = _recognized(table, header, columns or {})
    roles = [None if at is None else table[at].values for at in found]
    times = [0] * len(table[0].values) if roles[0] is None else _times_ms(roles[0])
    for at in found[1:]:
        if at is not None and table[at].values.dtype == nw.Float16:
            raise CandleFrameError(
                f"the column {header[at]!r} is of float16: with its three digits no price is exact; give float64."
            )
    numbers = [["0"] * len(times) if values is None else _texts(values) for values in roles[1:]]
    cells = Cells(_FRAME, FileFormat("a data frame", "arrow", "plain", found, FileOptions(), tuple(header), len(header)))
    rows = [_row(cells, at, time, numbers) for at, (time, *numbers) in enumerate(zip(times, *numbers, strict=True), start=1)]
    symbol = next((table[at] for name in MARKET_NAMES for at, each in enumerate(header) if plain_name(each) == name), None)
    symbols = None if symbol is None else [_symbol_text(value) for value in symbol.values.to_list()]
    return FrameCandles(rows, symbols, found.volume is not None or found.quote_volume is not None)


def opened(frame: Any) -> nw.DataFrame[Any]:
    """Return the frame as Narwhals has it. Raise CandleFrameError if it is none that is read."""
    expected = "a DataFrame of pandas or Polars, or a pyarrow.Table, is expected"
    try:
        found: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(frame)
    except nw.exceptions.DuplicateError:
        raise CandleFrameError("the frame has several columns of one name; rename or drop all but one.") from None
    except TypeError:
        raise CandleFrameError(f"this is a {type(frame).__module__}.{type(frame).__name__}; {expected}.") from None
    if isinstance(found, nw.LazyFrame):
        raise CandleFrameError("the frame is lazy, and forecasts need its rows; call .collect() first.")
    kind = found.implementation
    if not (kind.is_pandas() or kind.is_polars() or kind.is_pyarrow()):
        raise CandleFrameError(f"this is a frame of {kind.value}; {expected}: convert it first.")
    names: Iterable[Any] = found.columns
    if levels := next((name for name in names if isinstance(name, tuple)), None):
        raise CandleFrameError(
            f"the columns have several levels, as {levels!r}; take those of one market first: for frames of yfinance by "
            "frame.xs(TICKER, axis=1, level=1)."
        )
    return found


def _columns_of(frame: nw.DataFrame[Any]) -> list[_Column]:
    """Return the columns, and in pandas the levels of an index that has a name or times."""
    table = [_Column(str(name), frame.get_column(name)) for name in frame.columns]
    index = nw.maybe_get_index(frame)
    if index is not None:
        known = {plain_name(column.name) for column in table}
        for level, name in enumerate(index.names):
            values = index.get_level_values(level).to_series()
            series = nw.from_native(values, series_only=True)
            is_time = str(values.dtype).startswith("datetime64")
            if (name is not None or is_time) and plain_name(str(name or "index")) not in known:
                table.append(_Column("index" if name is None else str(name), series))
    if not table:
        raise CandleFrameError("the frame has no columns; a table of candles is expected.")
    return table


def _recognized(table: Sequence[_Column], header: Sequence[str], chosen: Mapping[str, str]) -> Columns:
    for role, name in chosen.items():
        if role not in ROLES:
            raise CandleFrameError(f"columns has {role!r}; the roles are {', '.join(ROLES)}.")
        if header.count(str(name)) != 1:
            raise CandleFrameError(f"columns says that {role} is {name!r}, but there is no such column; {_has(header)}.")
    sample = [[_text(value) for value in column.values.head(_SAMPLE_ROWS).to_list()] for column in table]
    options = FileOptions(tuple((role, str(name)) for role, name in chosen.items()))
    try:
        _, found = columns_of(_FRAME, header, list(zip(*sample, strict=True)), options)
    except CandleFileError as error:
        raise CandleFrameError(str(error)) from None
    missing = [role for role in _REQUIRED if getattr(found, role) is None]
    if missing:
        closing = next((name for name in header if plain_name(name) in {"closetime", "timeclose", "endtime"}), None)
        hint = f"; {closing!r} is when a candle closes, the time at which it opens is needed" if closing else ""
        example = ", ".join(f"{role!r}: NAME" for role in missing)
        raise CandleFrameError(
            f"the frame has no column for {', '.join(missing)}{hint}; {_has(header)}; say which it is, "
            f"as in columns={{{example}}}."
        )
    return found


def _has(header: Sequence[str]) -> str:
    shown = ", ".join(map(repr, header[:12])) + (", …" if len(header) > 12 else "")  # noqa: PLR2004  # enough to see
    return f"its columns are {shown}"


def candle_row(time: object, numbers: Sequence[object], quote_volume: object) -> CandleRow | Unreadable:
    """Return a single candle: its time, its four prices and its volume. Without a quote volume it is volume × close."""
    quote = None if quote_volume is None else len(ROLES) - 1
    columns = Columns(0, 1, 2, 3, 4, 5, quote)
    cells = Cells(Path("the candle"), FileFormat("a candle", "arrow", "plain", columns, FileOptions(), ROLES, len(ROLES)))
    texts = [_text(value) for value in (*numbers, "0" if quote_volume is None else quote_volume)]
    row = _row(cells, 1, milliseconds(time), texts)
    return row._replace(detail=row.detail.replace(", row 1,", ",", 1)) if isinstance(row, Unreadable) else row


def _row(cells: Cells, line: int, time: int | str, numbers: Sequence[str]) -> CandleRow | Unreadable:
    if isinstance(time, str):
        return Unreadable(BAD_TIME, time)
    try:
        row = cells.row(line, ("", *numbers), time)
    except CandleFileError as error:
        return Unreadable(NOT_A_NUMBER, str(error))
    return row or Unreadable(NO_PRICE, "the row has no price, as a minute without a trade: it counts as missing")


def _times_ms(values: nw.Series[Any]) -> list[int | str]:
    """Return for each row milliseconds since 1970, or a sentence that says why it has no time."""
    if values.dtype == nw.Unknown and str(values.to_native().dtype).startswith("datetime64"):  # a zone that Narwhals can't read
        values = nw.from_native(values.to_native().dt.tz_convert("UTC"), series_only=True)
    if values.dtype != nw.Datetime:
        return [milliseconds(value) for value in values.to_list()]
    unit = getattr(values.dtype, "time_unit", "us")
    asked: Any = "ms" if unit == "s" else unit
    is_null = values.is_null().to_numpy().astype(bool)
    counts = np.array(values.filter(~values.is_null()).dt.timestamp(asked).to_list(), np.int64)
    ms, finer = np.divmod(counts, _PER_MS[asked])
    ms += (finer > 0) & (ms % _MINUTE_MS == 0)  # what is not on the minute never becomes so
    found = np.zeros(len(is_null), np.int64)
    found[~is_null] = ms
    times: list[int | str] = [_in_range(time) for time in found.tolist()]
    for at in np.flatnonzero(is_null).tolist():
        times[at] = "the row has no time"
    return times


def milliseconds(value: object) -> int | str:
    """Return milliseconds since 1970, or a sentence that says why this is no time. Without an offset a time is in UTC."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value.isoformat() if isinstance(value, date) else _text(value)
    try:
        return _in_range(parse_open_time_ms(text))
    except ValueError as error:
        return f"{text[:40]!r} is not a time; {error}" if text else "the row has no time"


def _in_range(time: int) -> int | str:
    return time if _FROM_MS <= time < _TO_MS else f"{time} ms since 1970 is not a time from 1973 to 2286"


def _symbol_text(value: object) -> str:
    """Return a symbol as text; "" if it is missing, for which pandas has NaN."""
    return "" if isinstance(value, float) else _text(value)


def _texts(values: nw.Series[Any]) -> list[str]:
    """Return the numbers of a column as text; "" where there is none."""
    found, kind = values.to_list(), values.dtype
    text: Callable[[Any], str] = _text
    if kind == nw.Float32:
        text = _float32_text
    return [repr(value) if type(value) is float and text is _text else text(value) for value in found]


def _float32_text(value: object) -> str:
    return str(np.float32(value)) if isinstance(value, float) else _text(value)


def _text(value: object) -> str:
    """Return a value as exact text; "" if it is missing."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):  # NumPy's float64 is one, too
        return float.__repr__(value)
    if isinstance(value, int | Decimal | np.number) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return "" if text in _MISSING else text
