"""Reading a candle file of any format that `formats.recognize` knows, in the order of the file.

What happens to each kind of mistake:

| Mistake                                                                                       | What happens            |
|-----------------------------------------------------------------------------------------------|-------------------------|
| the FILE: not found, a folder, unreadable, not UTF-8 text, an archive damaged or cut short    | `CandleFileError`       |
| the TABLE: empty, a column missing or doubled, no rows, a row with another number of cells    | `CandleFileError`       |
| a CELL of the wrong kind: not a number (`abc`, `1_000`), a timestamp that can't be read       | `CandleFileError`       |
| a VALUE: NaN, infinite, negative, high below low, too many decimals, a time not on the minute | left to the consumer    |
| an empty cell where a number belongs                                                          | the same: missing, NaN  |
| a MINUTE without any price: all four are NaN or empty, and the volumes are that or 0          | left out and counted    |

The first three mean that the user has chosen the wrong file. To send half of it would be worse than to send nothing, so
`check.py` reads the whole file first. A bad value is a bad row of a good file, and only the consumer judges rows.
"""

from collections.abc import Iterator
from pathlib import Path

from .cells import Cells
from .contract import CANDLE_COLUMNS, CandleFileError, CandleRow, FileFormat, Row_co, RowMaker
from .csv_rows import read_csv
from .formats import recognize
from .json_rows import read_json

__all__ = ["CANDLE_COLUMNS", "CandleFileError", "CandleFileReader", "CandleRow", "read_candles"]


class CandleFileReader:
    """The rows of one file, in the order of the file. Text formats are read in constant memory.

    Iterating raises CandleFileError when it reaches a mistake, after the rows before it; `check_candles` finds it beforehand.
    """

    def __init__(self, path: Path, file_format: FileFormat | None = None) -> None:
        """Prepare to read a file, of this format if it is known. Raises CandleFileError if it is of none that is read."""
        self.path = path
        self.format = file_format or recognize(path)
        self._cells = Cells(path, self.format)

    @property
    def empty_minutes(self) -> int:
        """Rows so far that have a time and no price; they are left out."""
        return self._cells.empty_minutes

    def __iter__(self) -> Iterator[CandleRow]:
        any_row = False
        for row in read_rows(self.path, self.format, self._cells):
            any_row = True
            yield row
        if not any_row:
            below = " below its first line" if self.format.header else ""
            priced = " with a price" if self.empty_minutes else ""
            raise CandleFileError(f"{self.path} has no rows{priced}{below}; a candle a line is expected.")


def read_rows(path: Path, file_format: FileFormat, cells: RowMaker[Row_co]) -> Iterator[Row_co]:
    """Yield what `cells` makes of each row, in the order of the file. Raise CandleFileError as a `CandleFileReader` does."""
    if file_format.container == "csv":
        return read_csv(path, file_format, cells)
    if file_format.container == "json":
        return read_json(path, file_format, cells)
    from .arrow_rows import read_arrow  # noqa: PLC0415  # Polars is slow to import, and text does not need it

    return read_arrow(path, file_format, cells)


def read_candles(path: Path, file_format: FileFormat | None = None) -> Iterator[CandleRow]:
    """Yield the rows of a file, as a `CandleFileReader` does."""
    return iter(CandleFileReader(path, file_format))
