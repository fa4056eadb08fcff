"""Reading a file from its last row to its first one, in constant memory: the rows pass through a temporary file on the disk.

It stands alone because only files that begin with their newest row need it, and a gzip file cannot be read backward itself.
"""

import marshal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile

from .contract import CandleFileError, CandleRow, FileFormat
from .reader import read_candles

_CHUNK_ROWS = 20_000


def read_reversed(path: Path, file_format: FileFormat | None = None) -> Iterator[CandleRow]:
    """Yield the rows of a file, the last one first. Raises CandleFileError as `read_candles` does, before the first row."""
    rows = map(tuple, read_candles(path, file_format))
    starts: list[int] = []
    try:
        with TemporaryFile() as spool:
            while chunk := list(islice(rows, _CHUNK_ROWS)):
                starts.append(spool.tell())
                marshal.dump(chunk, spool)
            for start in reversed(starts):
                spool.seek(start)
                yield from map(CandleRow._make, reversed(marshal.load(spool)))  # noqa: S302  # our own bytes, of this call
    except OSError as error:
        raise CandleFileError(f"{path}: no temporary file can be written to sort its rows: {error.strerror or error}.") from None
