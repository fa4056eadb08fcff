"""The closes of any candle file, row by row: what `text_blocks.py` does not read, and a sentence for each mistake, with its line.

Times are read, if the file has them, because a rolling mean depends on the order of the rows: a file that begins with its newest
row is read from its end, and one that is in no order is refused.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from pathlib import Path
from typing import NamedTuple

from volcast.candle_files.contract import NO_OPTIONS, ROLES, FileFormat, FileOptions, quoted
from volcast.candle_files.formats import recognize
from volcast.candle_files.reader import read_rows
from volcast.candle_files.text_format import parser_of

from .count import NumberCount, SignalsOfFile
from .result import BatchError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
_MAX_DIGITS = 400
"""More than any price has; a number of a million digits would only fill the memory."""
_EXACT = Context(prec=2 * _MAX_DIGITS, traps=[Inexact])
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MISSING = frozenset({"", "nan", "+nan", "-nan"})
_NO_VOLUME = _MISSING | {"0", "0.0"}
_TIME, _OPEN, _CLOSE = (ROLES.index(role) for role in ("time", "open", "close"))
_INFINITE = frozenset({"inf", "infinity"})


class ExactClose(NamedTuple):
    """The number units / 10^decimals."""

    units: int
    decimals: int


def count_in_rows(path: Path, window: int, options: FileOptions = NO_OPTIONS) -> SignalsOfFile:
    """Count the signals of a file row by row; its hash is left empty.

    Raises BatchError or CandleFileError for the first mistake in the file.
    """
    layout = recognize(path, options, required=("close",))
    reader = RowReader(path, layout)
    count = NumberCount(window)
    for units, decimals in reader.closes():
        count.add(units, decimals)
    return SignalsOfFile(count.rows, count.ones, "", layout, tuple(reader.warnings()), reader.newest_first)


class RowReader:
    """The closes of one file in the order of time. `warnings` and `newest_first` are complete once all closes have been read.

    Args:
        path: The file, which may be packed.
        layout: Its format.
    """

    def __init__(self, path: Path, layout: FileFormat) -> None:
        self._path, self._layout = path, layout
        self._parse_ms = parser_of(layout.options)
        self._names = {role: layout.name_of(role) for role, at in layout.columns._asdict().items() if at is not None}
        self._lines = "line" if layout.container == "csv" else "row"
        self._direction = -1 if layout.newest_first else 1
        self._last_ms: int | None = None
        self._disorder_line = 0
        self._empty = _Noted(self._lines)
        self._not_positive = _Noted(self._lines)
        self._unknown_times = _Noted(self._lines)
        self.newest_first = bool(layout.newest_first)

    def closes(self) -> Iterator[ExactClose]:
        """Yield the closes in constant memory; a file that begins with its newest row is read into memory first.

        Raises BatchError at a close that is no finite number, and after the last one if the rows are in no order of time; raises
        CandleFileError for a mistake in the file itself.
        """
        found = self._in_file_order()
        if self.newest_first:
            found = reversed(list(found))
        yield from found

    def warnings(self) -> Iterator[str]:
        """Yield what the user should know of the rows that have been read."""
        if self._empty.rows:
            yield f"rows without any price are left out: {self._empty}"
        if self._not_positive.rows:
            yield f"rows whose close is not above 0, a price that no market has, are counted: {self._not_positive}"
        if self._unknown_times.rows:
            name = self._names["time"]
            yield f"rows whose time in column {name} is not understood are taken where they stand: {self._unknown_times}"

    def row(self, line: int, cells: Sequence[str], /) -> ExactClose | None:
        """Return the close of a row, whose cells are in the order of `ROLES`; None for a minute without a price."""
        if self._is_empty_minute(cells):
            self._empty.add(line)
            return None
        close = self._close(line, cells[_CLOSE])
        if self._layout.columns.time is not None:
            self._follow(line, cells[_TIME])
        return close

    def _in_file_order(self) -> Iterator[ExactClose]:
        yield from read_rows(self._path, self._layout, self)
        if self._disorder_line:
            backward = "before that of the row above, as this file runs backward"
            expected = backward if self.newest_first else "after that of the row above"
            raise BatchError(
                f"{self._path}, {self._lines} {self._disorder_line}: its time is not {expected}; "
                f"sort the rows by time, each time once, or leave out the column {self._names['time']}."
            )

    def _is_empty_minute(self, cells: Sequence[str]) -> bool:
        """Return whether a row has a time and no price, as some archives write minutes without a trade. It needs all columns."""
        columns = self._layout.columns
        prices = (columns.open, columns.high, columns.low)
        if (
            columns.time is None
            or None in prices
            or any(cell.strip().lower() not in _MISSING for cell in cells[_OPEN : _CLOSE + 1])
        ):
            return False
        return all(cell.strip().lower() in _NO_VOLUME for cell in cells[_CLOSE + 1 :])

    def _close(self, line: int, cell: str) -> ExactClose:
        text = cell.strip()
        where = f"{self._path}, {self._lines} {line}, column {self._names['close']}"
        if not _NUMBER.fullmatch(text):
            raise BatchError(f"{where}: {_what_is_wrong(text)}; a number like 42283.58 is expected.")
        number = Decimal(text)
        digits = len(number.as_tuple().digits)
        decimals = digits - 1 - number.adjusted()
        if digits + abs(decimals) > _MAX_DIGITS:
            raise BatchError(f"{where}: {quoted(text)} has too many digits; a number like 42283.58 is expected.")
        if number <= 0:
            self._not_positive.add(line)
        return ExactClose(int(number.scaleb(max(decimals, 0), _EXACT)), max(decimals, 0))

    def _follow(self, line: int, cell: str) -> None:
        """Compare the time with that of the row before."""
        text = cell.strip()
        try:
            if _DAY.fullmatch(text):
                at_ms = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)
            else:
                at_ms = self._parse_ms(text)
        except ValueError:
            self._unknown_times.add(line)
            return
        if self._last_ms is not None and (at_ms - self._last_ms) * self._direction <= 0:
            self._disorder_line = self._disorder_line or line
        self._last_ms = at_ms


class _Noted:
    """How many rows something is true of, and where the first one stands."""

    def __init__(self, lines: str) -> None:
        self._lines = lines
        self.rows = 0
        self._first_line = 0

    def add(self, line: int) -> None:
        self.rows += 1
        self._first_line = self._first_line or line

    def __str__(self) -> str:
        return f"{self.rows}, the first in {self._lines} {self._first_line}"


def _what_is_wrong(text: str) -> str:
    lower = text.lower()
    if not text:
        return "the cell is empty"
    if lower in _MISSING:
        return f"{quoted(text)} is not a number (NaN)"
    if lower.lstrip("+-") in _INFINITE:
        return f"{quoted(text)} is infinite"
    return f"{quoted(text)} is not a number"
