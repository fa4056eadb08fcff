"""JSON: a list of rows, or a row a line; a row is a list (freqtrade, the pages of venues) or an object with names.

The file is decoded row by row, in constant memory, and its numbers stay the text that they are in the file.
"""

import codecs
import json
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any

from .archives import Content, byte_blocks
from .columns.names import check_required
from .contract import CandleFileError, Columns, FileFormat, FileOptions, Row_co, RowMaker, quoted
from .text_format import columns_of, parser_of, runs_backward

_SAMPLE_ROWS = 500
_MAX_ROW_CHARACTERS = 1 << 20
_BLANKS = re.compile(r"[ \t\r\n]*")
_EXPECTED = "a list of candles, or a candle a line, is expected, as in [[1704067200000, 1, 2, 0.5, 1.5, 10]]"
_decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def is_json(begin: bytes) -> bool:
    """Return whether a text that begins like this is JSON rather than a table."""
    return begin.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"[", b"{"}


def recognize_json(path: Path, content: Content, options: FileOptions, required: Sequence[str]) -> FileFormat:
    """Return the format of a JSON file; see `formats.recognize`."""
    parse_ms = parser_of(options)
    with closing(_elements(path)) as elements:
        sample = list(islice(elements, _SAMPLE_ROWS))
    if not sample:
        raise CandleFileError(f"{path} has no rows; {_EXPECTED}.")
    first = sample[0][1]
    header = tuple(dict.fromkeys(name for _, each in sample for name in each)) if isinstance(first, dict) else ()
    rows = [_cells(path, number, each, header) for number, each in sample]
    kind, columns = columns_of(path, header or None, rows, options)
    check_required(path, 0, header, columns, required)
    return FileFormat(
        f"JSON, {kind}",
        "json",
        content.packing,
        columns,
        options,
        header=header,
        width=len(header) or max(map(len, rows), default=0),
        newest_first=runs_backward(rows, columns.time, parse_ms),
    )


def read_json(path: Path, file_format: FileFormat, cells: RowMaker[Row_co]) -> Iterator[Row_co]:
    """Yield the rows in the order of the file. Raise CandleFileError at a mistake, after the rows before it."""
    columns, header, width = file_format.columns, file_format.header, file_format.width
    with closing(_elements(path)) as elements:
        for number, element in elements:
            found = _cells(path, number, element, header)
            if len(found) != width:
                raise CandleFileError(f"{path}, row {number}: {len(found)} cells, but the first row has {width}.")
            if row := cells.row(number, _in_order(found, columns)):
                yield row


def _in_order(found: Sequence[str], columns: Columns) -> list[str]:
    return ["0" if at is None else found[at] for at in columns]


def _cells(path: Path, number: int, element: Any, header: Sequence[str]) -> list[str]:
    """Return the cells of a row; null is an empty cell. Raise CandleFileError for what is no row."""
    if header and isinstance(element, dict):
        values = [element.get(name) for name in header]
    elif not header and isinstance(element, list):
        values = element
    else:
        raise CandleFileError(f"{path}, row {number}: {quoted(json.dumps(element))} is no candle like those above.")
    return [value if isinstance(value, str) else "" if value is None else json.dumps(value) for value in values]


def _elements(path: Path) -> Generator[tuple[int, Any]]:
    """Yield the number of each row, counted from 1, and its value; numbers are text. Raise CandleFileError for other JSON."""
    with closing(_pieces(path)) as pieces:
        text = _Text(path, pieces)
        in_list = False
        if text.next_character() == "[":
            text.at += 1
            in_list = text.next_character() in {"[", "{", "]"}
            text.at -= not in_list  # back to the row that begins here
        while character := text.next_character():
            if in_list and character == "]":
                text.at += 1
                if text.next_character():
                    raise CandleFileError(f"{path}: something follows the list of rows; {_EXPECTED}.")
                return
            if in_list and text.row > 1:
                if character != ",":
                    raise CandleFileError(f"{path}, row {text.row}: there is no comma before it; {_EXPECTED}.")
                text.at += 1
                text.next_character()
            yield text.row, text.next_value()
            text.row += 1
        if in_list:
            raise CandleFileError(f"{path}: the file ends too early, after row {text.row - 1}; download it again.")


def _pieces(path: Path) -> Generator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    with closing(byte_blocks(path)) as blocks:
        for block in chain(blocks, (b"",)):
            try:
                yield decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                problem = f"byte 0x{error.object[error.start]:02x} is not UTF-8 text"
                raise CandleFileError(f"{path}: {problem}; a JSON file is expected, saved as UTF-8.") from None


class _Text:
    """The text of a JSON file, of which only the row that is being read is held."""

    def __init__(self, path: Path, pieces: Iterator[str]) -> None:
        self._path, self._pieces = path, pieces
        self._text = ""
        self.at = 0
        """Position of the next character in what is held."""
        self.row = 1
        """Number of the next row."""

    def next_character(self) -> str:
        """Skip blanks; return the character that follows, "" at the end."""
        while True:
            self.at = _BLANKS.match(self._text, self.at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self.at < len(self._text):
                return self._text[self.at]
            if not self._read():
                return ""

    def next_value(self) -> Any:
        """Return the value that begins at the next character. Raise CandleFileError if there is none."""
        while True:
            try:
                value, self.at = _decoder.raw_decode(self._text, self.at)
            except RecursionError:
                raise CandleFileError(f"{self._path}, row {self.row}: too many brackets; {_EXPECTED}.") from None
            except json.JSONDecodeError as error:
                if len(self._text) - self.at > _MAX_ROW_CHARACTERS:
                    raise CandleFileError(
                        f"{self._path}, row {self.row}: longer than {_MAX_ROW_CHARACTERS} characters; {_EXPECTED}."
                    ) from None
                if not self._read():
                    raise CandleFileError(f"{self._path}, row {self.row}: this is not JSON ({error.msg}).") from None
            else:
                return value

    def _read(self) -> bool:
        """Read on; return whether there was more."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._text, self.at = self._text[self.at :] + piece, 0
        return True
