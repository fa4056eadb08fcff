"""The market that a file names itself, in a column such as `symbol`.

A file of two markets, one below the other, looks like one market whose price jumps. A column of names tells, so it is read.
"""

from collections.abc import Sequence
from pathlib import Path

from volcast.candle_files.contract import CandleFileError, Columns, FileFormat, quoted
from volcast.candle_files.reader import read_rows

from .names import MARKET_NAMES, plain_name


def market_column(file_format: FileFormat) -> int | None:
    """Return the position of the column that names the market, counted from 0; None if there is none."""
    names = [plain_name(name) for name in file_format.header]
    found = (at for known in MARKET_NAMES for at, name in enumerate(names) if name == known)
    return next((at for at in found if at not in file_format.columns), None)


def market_in(path: Path, file_format: FileFormat) -> str:
    """Return the market as the file writes it, `BTC/USDT`; "" if no column names it. Reads the whole file in that case only.

    Raises CandleFileError if the rows name different markets, or for a mistake in the file.
    """
    at = market_column(file_format)
    if at is None:
        return ""
    market = _Market(path, file_format, at)
    for _ in read_rows(path, file_format._replace(columns=Columns(time=at)), market):
        pass
    return market.name


class _Market:
    """Looks at the market of each row, and makes nothing of it. An empty cell says nothing."""

    def __init__(self, path: Path, file_format: FileFormat, at: int) -> None:
        self._where, self._column = path, file_format.header[at]
        self._lines = "line" if file_format.container == "csv" else "row"
        self._line = 0
        self._cell = ""
        self.name = ""

    def row(self, line: int, cells: Sequence[str], /) -> None:
        cell = cells[0]
        if cell == self._cell or not (plain := plain_name(cell)):
            return
        if self.name and plain != plain_name(self.name):
            first, second = (quoted(name) for name in (self.name, cell.strip()))
            lines = self._lines
            raise CandleFileError(
                f"{self._where}: column {self._column} says {first} in {lines} {self._line} and {second} in {lines} {line}; "
                "give one market per file."
            )
        if not self.name:
            self.name, self._line = cell.strip(), line
        self._cell = cell
