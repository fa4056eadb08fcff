"""The closes of a CSV file of the usual form, in blocks: the text is never split into Python objects.

The usual form: each line has the same number of cells, closes are plain numbers of at most 16 characters and above 0, times are
surely in order, and quotes, if any, enclose each line as a whole. Anything else raises UnusualTextError, and `rows.py` reads the
file from its beginning: it knows what is an error, and where.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from volcast.candle_files.contract import FileFormat

from .decimal_cells import MAX_CHARACTERS, WORD, Integers, ScaledNumbers, read_decimals, words_of
from .time_cells import TimeOrder

BLOCK_BYTES = 1 << 19
"""Large enough that the steps of Python between two blocks hardly count, small enough for a processor's cache."""
_BEFORE, _BEHIND = MAX_CHARACTERS, WORD
"""Bytes around the text of a block, as cells are read eight characters at a time."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NEWLINE, _RETURN = ord("\n"), ord("\r")


class UnusualTextError(Exception):
    """A file has something that is not of the usual form; it may be in order."""


class BlockSource(Protocol):
    """Unpacked bytes of a file, from its beginning."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer with the next bytes, at least one, and return how many; 0 at the end."""


def read_closes(source: BlockSource, layout: FileFormat) -> Iterator[ScaledNumbers]:
    """Yield the closes of the rows in the order of the file.

    Raises UnusualTextError where the text is not of the usual form, after the rows before it.
    """
    if layout.container != "csv" or layout.newest_first or layout.columns.close is None or not layout.delimiter.isascii():
        raise UnusualTextError
    table = _Table(layout)
    skip = layout.skipped_lines + bool(layout.header)
    text = bytearray(_BEFORE + 2 * BLOCK_BYTES + _BEHIND)
    view = memoryview(text)
    begin, end = _BEFORE, _BEFORE
    first = True
    while True:
        if end - begin > BLOCK_BYTES:  # an endless line
            raise UnusualTextError
        text[_BEFORE : _BEFORE + end - begin] = text[begin:end]
        begin, end = _BEFORE, _BEFORE + end - begin
        got = source.readinto(view[end : end + BLOCK_BYTES])
        if not got and end > begin:
            text[end] = _NEWLINE
            got = 1
        if not got:
            return
        end += got
        if first and text.startswith(_BYTE_ORDER_MARK, begin):
            begin += len(_BYTE_ORDER_MARK)
        first = False
        while skip and (newline := text.find(_NEWLINE, begin, end)) >= 0:
            begin, skip = newline + 1, skip - 1
        whole = text.rfind(_NEWLINE, begin, end) + 1
        if skip or not whole:
            continue
        yield table.closes(text, begin, whole)
        begin = whole


class _Table:
    """Reads blocks of whole lines of one file."""

    def __init__(self, layout: FileFormat) -> None:
        self._width = layout.width
        self._close = layout.columns.close or 0
        self._time = layout.columns.time
        self._delimiter = ord(layout.delimiter)
        self._quoted = layout.quoted_lines
        self._order: TimeOrder | None = None

    def closes(self, text: bytearray, begin: int, end: int) -> ScaledNumbers:
        if self._quoted:
            text = _unquoted(text, begin, end)
            begin, end = _BEFORE, len(text) - _BEHIND
        elif text.find(b'"', begin, end) >= 0:
            raise UnusualTextError
        block = np.frombuffer(text, np.uint8)[begin:end]
        newlines = block == _NEWLINE
        separators = np.flatnonzero(newlines | (block == self._delimiter))
        rows, rest = divmod(separators.size, self._width)
        if rest or np.count_nonzero(newlines) != rows:
            raise UnusualTextError
        ends = (separators + begin).reshape(rows, self._width)
        words = words_of(text)
        if not newlines[ends[:, -1] - begin].all():
            raise UnusualTextError
        start, stop = self._cells(text, ends, begin, self._close)
        closes = read_decimals(words, start, stop)
        if closes is None or not closes.units.all():
            raise UnusualTextError
        if self._time is not None:
            start, stop = self._cells(text, ends, begin, self._time)
            if self._order is None:
                self._order = TimeOrder(bytes(text[start[0] : stop[0]]))
            if not self._order.continues(words, start, stop):
                raise UnusualTextError
        return closes

    def _cells(self, text: bytearray, ends: Integers, begin: int, column: int) -> tuple[Integers, Integers]:
        """Return where the cells of a column start and stop."""
        stop = ends[:, column]
        start = ends[:, column - 1] + 1 if column else np.concatenate((np.array([begin]), ends[:-1, -1] + 1))
        if column == self._width - 1:  # a line may end with a carriage return
            stop = stop - (np.frombuffer(text, np.uint8)[stop - 1] == _RETURN)
        return start, stop


def _unquoted(text: bytearray, begin: int, end: int) -> bytearray:
    """Return lines that are in quotes as a whole without them, with room around. Raise UnusualTextError if a line is not."""
    lines = bytes(text[begin:end]).replace(b"\r\n", b"\n")
    count = lines.count(b"\n")
    if lines.count(b'"') != 2 * count or lines.count(b'"\n"') != count - 1 or lines[:1] + lines[-2:] != b'""\n':
        raise UnusualTextError
    return bytearray(_BEFORE) + lines.translate(None, b'"') + bytearray(_BEHIND)
