"""Writing candles into a gzipped CSV file, in the format that `reader.py` reads."""

import csv
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from volcast.atomic_file import OutputFileError, writing

from .contract import CANDLE_COLUMNS, CandleFileError
from .timestamps import format_open_time


class CandleWriter:
    """Writes candles into a gzipped CSV file, which appears under its name only when it is complete.

    Use it in a `with` statement: if the block raises, the file that was there before stays as it was. The same rows give the same
    bytes. Raises CandleFileError if the file can't be written.
    """

    def __init__(
        self, path: Path, *, more_columns: Iterable[str] = (), stream: AbstractContextManager[TextIO] | None = None
    ) -> None:
        """Prepare to write `path`, or text to `stream`. `more_columns` are the columns behind the format's seven."""
        self._path = path
        self._header = (*CANDLE_COLUMNS, *more_columns)
        self._writing = stream or writing(path, gzipped=True)

    def __enter__(self) -> Self:
        try:
            file = self._writing.__enter__()
        except OutputFileError as error:
            raise CandleFileError(f"{error}.") from None
        self._csv = csv.writer(file, lineterminator="\n")
        self._csv.writerow(self._header)
        return self

    def write(self, open_time_ms: int, *cells: str) -> None:
        """Append a row: open, high, low, close, volume, quote volume, then a cell for each of `more_columns`.

        Raises ValueError if there are more or fewer cells than columns.
        """
        if len(cells) != len(self._header) - 1:
            raise ValueError(f"{len(cells)} cells for the columns {self._header[1:]}")
        try:
            self._csv.writerow((format_open_time(open_time_ms), *cells))
        except OSError as error:
            raise CandleFileError(f"{self._path} can't be written: {error.strerror or error}.") from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._writing.__exit__(kind, error, trace)
        except OutputFileError as failure:
            if kind is None:  # otherwise the block's own exception is the one to be seen
                raise CandleFileError(f"{failure}.") from None
