"""The rows of a CSV file, in constant memory.

The csv module is used rather than pandas or Polars, so that cells stay text (no price passes through a float) and memory does not
grow with the rows. A line that is in quotes as a whole, as some exports have it, is read as if it had none.
"""

import csv
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from .archives import text_blocks
from .contract import CandleFileError, FileFormat, Row_co, RowMaker

if TYPE_CHECKING:
    import _csv

_OPEN_QUOTE = "a quote is opened here that is not closed in its line"
_MIN_SWALLOWED = 4
"""Delimiters in a row of candles, at least."""


def read_csv(path: Path, file_format: FileFormat, cells: RowMaker[Row_co]) -> Iterator[Row_co]:
    """Yield the rows in the order of the file. Raise CandleFileError at a mistake, after the rows before it."""
    width, delimiter, skipped = file_format.width, file_format.delimiter, file_format.skipped_lines
    cells_of = itemgetter(*(width if at is None else at for at in file_format.columns))
    with closing(text_blocks(path)) as blocks:
        lines = islice(chain.from_iterable(blocks), skipped, None)
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        rows = _rows(path, reader, delimiter, skipped)
        if file_format.header:
            next(rows, None)
        for line, found in rows:
            if len(found) != width:
                named = "the first line names" if file_format.header else "the first row has"
                raise CandleFileError(f"{path}, line {line}: {len(found)} cells, but {named} {width} columns.")
            found.append("0")  # what a column holds that the file does not have
            if row := cells.row(line, cells_of(found)):
                yield row


def _rows(path: Path, reader: "_csv.Reader", delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row that is not blank, and the line in which the row begins."""
    line = skipped + 1
    try:
        for row in reader:
            if len(row) == 1:
                if not row[0].strip():
                    line = skipped + reader.line_num + 1
                    continue
                if delimiter in row[0] and skipped + reader.line_num == line:  # the whole line is in quotes
                    row = next(csv.reader([row[0]], delimiter=delimiter, strict=True, skipinitialspace=True))  # noqa: PLW2901
            if row:
                if skipped + reader.line_num > line and any(cell.count(delimiter) >= _MIN_SWALLOWED for cell in row):
                    raise CandleFileError(f"{path}, line {line}: {_OPEN_QUOTE}.")
                yield line, row
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        is_open = skipped + reader.line_num > line or "end of data" in str(error)
        problem = _OPEN_QUOTE if is_open else f"this is not CSV ({error})"
        raise CandleFileError(f"{path}, line {line}: {problem}.") from None
