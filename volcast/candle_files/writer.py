import csv
import gzip
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Self

from .reader import CANDLE_COLUMNS, CandleFileError
from .timestamps import format_open_time


class CandleWriter:
    """Writes a `.csv.gz`, the same bytes for the same rows; it stands under its name only once it is complete.

    Use it in a `with` statement: an exception in there leaves what was under that name untouched. Raises CandleFileError
    where the file can't be written.
    """

    def __init__(self, path: Path, *, more_columns: Iterable[str] = ()) -> None:
        """`more_columns` follow the seven of the format."""
        self._path = path
        self._part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._header = (*CANDLE_COLUMNS, *more_columns)

    def __enter__(self) -> Self:
        try:
            self._raw = self._part.open("xb")
        except OSError as error:
            raise self._failed(error) from None
        # No name and no time in the gzip header: they would differ from run to run.
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)
        self._text = TextIOWrapper(self._gzip, encoding="utf-8", newline="")
        self._csv = csv.writer(self._text, lineterminator="\n")
        self._csv.writerow(self._header)
        return self

    def write(self, open_time_ms: int, *cells: str) -> None:
        """Append a row: open, high, low, close, volume, quote volume, then a cell for each of `more_columns`."""
        if len(cells) != len(self._header) - 1:
            raise ValueError(f"{len(cells)} cells for the columns {self._header[1:]}")
        try:
            self._csv.writerow((format_open_time(open_time_ms), *cells))
        except OSError as error:
            raise self._failed(error) from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with self._raw:
                self._text.close()
                self._raw.flush()
                os.fsync(self._raw.fileno())
            if kind is None:
                self._part.replace(self._path)
        except OSError as failure:
            if kind is None:
                raise self._failed(failure) from None
        finally:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> CandleFileError:
        return CandleFileError(f"{self._path} can't be written: {error.strerror or error}.")
