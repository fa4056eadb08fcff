"""The cells of a row as a `CandleRow`: checks, the volumes that a format lacks, and minutes without a price.

Every format passes its rows through `Cells.row`, so that the same mistake gives the same sentence in each of them.
"""

from collections.abc import Sequence
from decimal import Context, Decimal, InvalidOperation
from math import isnan
from pathlib import Path

from .contract import ROLES, CandleFileError, CandleRow, FileFormat, quoted
from .text_format import parser_of

_NUMBERS = ROLES[1:]
_EXACT, _ROUGH = Context(prec=60, traps=[]), Context(prec=12, traps=[])
_MAX_EXPONENT = 30


class Cells:
    """Turns the cells of each row of one file into a `CandleRow`."""

    def __init__(self, path: Path, file_format: FileFormat) -> None:
        self._path, self._format = path, file_format
        self._parse_ms = parser_of(file_format.options)
        self._lines = "line" if file_format.container == "csv" else "row"
        columns = file_format.columns
        self._estimates = columns.volume is None or columns.quote_volume is None
        self.empty_minutes = 0
        """Rows so far that have a time and no price: minutes without a trade."""

    def row(self, line: int, cells: Sequence[str], open_time_ms: int | None = None) -> CandleRow | None:
        """Return the row, or None for a minute without a price. `cells` are in the order of `ROLES`, "" for a column that lacks.

        Where `open_time_ms` is known, the cell of the time is not read. Raises CandleFileError for a cell that is no number or no
        time.
        """
        timestamp, open_, high, low, close, volume, quote = cells
        try:
            price = float(open_), float(high), float(low), float(close)
            float(volume), float(quote)
            if not is_plain("".join(cells)):
                open_time_ms = self._checked_time_ms(line, cells, open_time_ms)
            elif open_time_ms is None:
                open_time_ms = self._parse_ms(timestamp)
            is_empty = isnan(price[0]) and all(map(isnan, price))
        except ValueError:
            open_time_ms = self._checked_time_ms(line, cells, open_time_ms)
            is_empty = all(_is_missing(cell) for cell in cells[1:5])
        if is_empty and all(_is_missing(cell) or float(cell) == 0 for cell in cells[5:]):
            self.empty_minutes += 1
            return None
        numbers = (open_.strip(), high.strip(), low.strip(), close.strip(), volume.strip(), quote.strip())
        if self._estimates:
            numbers = self._estimated(*numbers)
        return tuple.__new__(CandleRow, (line, open_time_ms, *numbers))  # twice as fast as CandleRow(line, …)

    def _estimated(self, *numbers: str) -> tuple[str, str, str, str, str, str]:
        """Return the numbers with the volumes that the file lacks: estimated from each other, or 0 if it has none."""
        open_, high, low, close, volume, quote = numbers
        columns = self._format.columns
        if columns.volume is None and columns.quote_volume is None:
            volume = quote = "0"
        elif columns.quote_volume is None:
            quote = _product(volume, close)
        else:
            volume = _quotient(quote, close)
        return open_, high, low, close, volume, quote

    def _checked_time_ms(self, line: int, cells: Sequence[str], known_ms: int | None) -> int:
        """Check a row cell by cell and return its open_time_ms. Raise CandleFileError with the first cell of the wrong kind."""
        where = f"{self._path}, {self._lines} {line}"
        for role, cell in zip(_NUMBERS, cells[1:], strict=True):
            if cell.strip() and not is_number(cell):
                name = self._format.name_of(role)
                raise CandleFileError(f"{where}, column {name}: {quoted(cell)} is not a number; one like 42283.58 is expected.")
        try:
            return self._parse_ms(cells[0]) if known_ms is None else known_ms
        except ValueError as error:
            name = self._format.name_of("time")
            raise CandleFileError(f"{where}, column {name}: {quoted(cells[0])} is not a timestamp; {error}.") from None


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, NaN and infinity included, in ASCII digits."""
    try:
        float(cell)
    except ValueError:
        return False
    return is_plain(cell)


def is_plain(text: str) -> bool:
    """Return whether the text has none of what only Python's `float` accepts: `1_000` and the digits of other scripts."""
    return text.isascii() and "_" not in text


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in {"", "nan", "-nan", "+nan"}


def _product(volume: str, close: str) -> str:
    """Return volume × close, exactly for all numbers of usual size; "" if one of them is missing."""
    try:
        return _text(_EXACT.multiply(Decimal(volume), Decimal(close)))
    except InvalidOperation:
        return ""


def _quotient(quote_volume: str, close: str) -> str:
    """Return quote volume / close with 12 significant digits; "" if one of them is missing or the close is 0."""
    try:
        return _text(_ROUGH.divide(Decimal(quote_volume), Decimal(close)))
    except InvalidOperation:
        return ""


def _text(number: Decimal) -> str:
    """Return the number without an exponent, unless it would be long."""
    return f"{number:f}" if number.is_finite() and abs(number.adjusted()) < _MAX_EXPONENT else str(number)
