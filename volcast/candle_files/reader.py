"""Candles in CSV files: the format, and reading it.

The first line names the columns `timestamp,open,high,low,close,volume_btc,volume_usd` in any order and case. Blanks around names
and cells, a UTF-8 byte-order mark and blank lines are tolerated; further columns are ignored. The file is plain text or gzip,
detected by its content, not its name. `timestamps.py` lists the timestamps that are read.

What happens to each kind of mistake:

| Mistake                                                                                       | What happens            |
|-----------------------------------------------------------------------------------------------|-------------------------|
| the FILE: not found, a folder, unreadable, not UTF-8 text, gzip damaged or cut short          | `CandleFileError`       |
| the TABLE: empty, a column missing or doubled, no rows, a row with another number of cells    | `CandleFileError`       |
| a CELL of the wrong kind: not a number (`abc`, `1_000`), a timestamp that can't be read       | `CandleFileError`       |
| a VALUE: NaN, infinite, negative, high below low, too many decimals, a time not on the minute | left to the consumer    |
| an empty cell where a number belongs                                                          | the same: missing, NaN  |

The first three mean that the user has chosen the wrong file. To send half of it would be worse than to send nothing, so
`check.py` reads the whole file first. The last two are bad rows of a good file, and only the consumer judges rows. A line that is
in quotes as a whole, as some exports have it, is read as if it had none.

The csv module is used rather than pandas, so that cells stay text (no price passes through a float) and memory does not grow with
the rows.
"""

import csv
import gzip
import stat
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .timestamps import parse_open_time_ms

if TYPE_CHECKING:
    import _csv

__all__ = [
    "CANDLE_COLUMNS",
    "CandleFileError",
    "CandleRow",
    "parse_open_time_ms",
    "read_candles",
]

CANDLE_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume_btc", "volume_usd")
_BLOCK_BYTES = 1 << 18
_MAX_LINE_BYTES = 1 << 20
_SHOWN_CHARACTERS = 40
_OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"PAR1": "a Parquet file",
    b"ARROW1": "a Feather file",
    b"SQLite format 3": "an SQLite database",
}
"""By the first bytes of a file, what users may take for a candle file."""
_MAGIC_BYTES = 16
_OPEN_QUOTE = "a quote is opened here that is not closed in its line"


class CandleFileError(Exception):
    """A candle file can't be read or written: one sentence for the user."""


class CandleRow(NamedTuple):
    """One row of a candle file: the text of each number as the file has it, without surrounding blanks."""

    line: int
    """The row's line in the file, counted from 1; the first line of a row that spans several."""
    open_time_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    """The column `volume_btc`: the volume in the base currency, whichever that is."""
    quote_volume: str
    """The column `volume_usd`: the volume in the quote currency."""


def read_candles(path: Path) -> Iterator[CandleRow]:
    """Yield the rows in the order of the file, in constant memory.

    Raises CandleFileError when it reaches a mistake, after the rows before it; `check_candles` finds it beforehand.
    """
    with closing(_blocks(path)) as blocks:
        rows = _rows(path, csv.reader(chain.from_iterable(blocks), strict=True, skipinitialspace=True))
        _, header = next(rows, (0, None))
        if header is None:
            raise CandleFileError(f"{path} is empty; a first line with the columns {','.join(CANDLE_COLUMNS)} is expected.")
        width = len(header)
        cells_of = itemgetter(*_positions(path, header))
        any_row = False
        for line, row in rows:
            if len(row) != width:
                raise CandleFileError(f"{path}, line {line}: {len(row)} cells, but the first line names {width} columns.")
            any_row = True
            cells = cells_of(row)
            timestamp, open_, high, low, close, volume, quote = cells
            try:
                float(open_), float(high), float(low), float(close), float(volume), float(quote)
                open_time_ms = parse_open_time_ms(timestamp) if _is_plain("".join(cells)) else _checked_time_ms(path, line, cells)
            except ValueError:
                open_time_ms = _checked_time_ms(path, line, cells)
            # Twice as fast as CandleRow(line, …):
            numbers = (open_.strip(), high.strip(), low.strip(), close.strip(), volume.strip(), quote.strip())
            yield tuple.__new__(CandleRow, (line, open_time_ms, *numbers))
    if not any_row:
        raise CandleFileError(f"{path} has no rows below its first line; a candle a line is expected.")


def _rows(path: Path, reader: "_csv.Reader") -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row that is not blank, and the line in which the row begins."""
    line = 1
    try:
        for row in reader:
            if len(row) == 1:
                if not row[0].strip():
                    line = reader.line_num + 1
                    continue
                if "," in row[0] and reader.line_num == line:  # the whole line is in quotes
                    row = next(csv.reader([row[0]], strict=True, skipinitialspace=True))  # noqa: PLW2901
            if row:
                if reader.line_num > line and any(map(_is_swallowed, row)):
                    raise CandleFileError(f"{path}, line {line}: {_OPEN_QUOTE}.")
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        is_open = reader.line_num > line or "end of data" in str(error)
        problem = _OPEN_QUOTE if is_open else f"this is not CSV ({error})"
        raise CandleFileError(f"{path}, line {line}: {problem}.") from None


def _is_swallowed(cell: str) -> bool:
    """Return whether a cell of several lines holds other rows, because the quote that should end it is missing."""
    return cell.count(",") >= len(CANDLE_COLUMNS) - 1


def _blocks(path: Path) -> Generator[list[str]]:
    """Yield the file's lines without their ends, some thousands at a time. An endless line is refused, not read into memory."""
    line = 1
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CandleFileError(f"{path} is {'a folder' if path.is_dir() else 'not a regular file'}; a CSV file is expected.")
        with path.open("rb") as raw:
            stream = gzip.GzipFile(fileobj=raw) if _is_gzip(path, raw.peek(_MAGIC_BYTES)) else raw
            rest = b""
            while block := stream.read(_BLOCK_BYTES):
                if line == 1 and not rest:
                    block = block.removeprefix(b"\xef\xbb\xbf")
                end = block.rfind(b"\n") + 1
                if end:
                    lines = _decoded(path, line, rest + block[:end]).split("\n")
                    lines.pop()
                    yield lines
                    line += len(lines)
                    rest = b""
                rest += block[end:]
                if len(rest) > _MAX_LINE_BYTES:
                    raise CandleFileError(
                        f"{path}, line {line}: longer than {_MAX_LINE_BYTES} bytes; a candle a line is expected."
                    )
            if rest:
                yield [_decoded(path, line, rest)]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        reason = "it ends too early" if isinstance(error, EOFError) else str(error)
        raise CandleFileError(f"{path}: the gzip file is damaged near line {line} ({reason}); download it again.") from None
    except FileNotFoundError:
        raise CandleFileError(f"{path} does not exist.") from None
    except OSError as error:
        raise CandleFileError(f"{path} can't be read: {error.strerror or error}.") from None


def _is_gzip(path: Path, begin: bytes) -> bool:
    """Return whether a file that begins with these bytes is gzipped. Raise CandleFileError for a file of another format."""
    if other := next((name for magic, name in _OTHER_FORMATS.items() if begin.startswith(magic)), None):
        raise CandleFileError(f"{path} is {other}; CSV, plain or gzipped, is expected: unpack or convert it first.")
    return begin.startswith(b"\x1f\x8b")


def _decoded(path: Path, line: int, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line += text.count(b"\n", 0, error.start)
        raise CandleFileError(
            f"{path}, line {line}: byte 0x{text[error.start]:02x} is not UTF-8 text; a CSV file is expected."
        ) from None


def _positions(path: Path, header: Sequence[str]) -> list[int]:
    names = [name.strip().lower() for name in header]
    missing = [column for column in CANDLE_COLUMNS if column not in names]
    doubled = [column for column in CANDLE_COLUMNS if names.count(column) > 1]
    if missing:
        found = _quoted(",".join(names))
        raise CandleFileError(f"{path}, line 1: missing column {', '.join(missing)}; the columns found are {found}.")
    if doubled:
        raise CandleFileError(f"{path}, line 1: column {', '.join(doubled)} occurs twice; it must occur once.")
    return [names.index(column) for column in CANDLE_COLUMNS]


def _checked_time_ms(path: Path, line: int, cells: Sequence[str]) -> int:
    """Check a row cell by cell and return its open_time_ms. Raise CandleFileError with the first cell of the wrong kind."""
    for column, cell in zip(CANDLE_COLUMNS[1:], cells[1:], strict=True):
        if cell.strip() and not _is_number(cell):
            raise CandleFileError(
                f"{path}, line {line}, column {column}: {_quoted(cell)} is not a number; one like 42283.58 is expected."
            )
    try:
        return parse_open_time_ms(cells[0])
    except ValueError as error:
        raise CandleFileError(
            f"{path}, line {line}, column {CANDLE_COLUMNS[0]}: {_quoted(cells[0])} is not a timestamp; {error}."
        ) from None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return _is_plain(cell)


def _is_plain(text: str) -> bool:
    """Return whether the text has none of what only Python's `float` accepts: `1_000` and the digits of other scripts."""
    return text.isascii() and "_" not in text


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
