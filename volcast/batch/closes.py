"""From the data file to the number of its signals: which of the two readers is used, and what was found."""

from collections.abc import Generator
from contextlib import closing
from hashlib import sha256
from io import FileIO
from os import stat_result
from pathlib import Path
from threading import Thread

from volcast.candle_files.contract import CANDLE_COLUMNS, NO_OPTIONS, ROLES, CandleFileError, Columns, FileFormat, FileOptions

from .count import BlockCount, SignalsOfFile, TooLargeError
from .result import BatchError
from .text_blocks import BlockSource, UnusualTextError, read_closes

_HASHED_BYTES = 1 << 16
_MIN_BYTES_OF_A_THREAD = 1 << 23
"""A smaller file is hashed sooner than a thread is scheduled on a busy machine."""
_FIRST_BYTES = 1 << 12
_GZIP = b"\x1f\x8b"


def count_signals(path: Path, window: int, options: FileOptions = NO_OPTIONS) -> SignalsOfFile:
    """Count the signals of a file, exactly. Raises BatchError or CandleFileError, with one sentence, if it cannot be read.

    The usual form of CSV is read in blocks, in constant memory; whatever differs from it is read row by row, from the beginning.
    """
    layout = usual_layout(path) if options == NO_OPTIONS else None
    if layout is None:
        from volcast.candle_files.columns.markets import market_in  # noqa: PLC0415  # as above
        from volcast.candle_files.formats import recognize  # noqa: PLC0415  # a small usual file takes less time than this import

        layout = recognize(path, options, required=("close",))
        market_in(path, layout)
    before = _status(path)
    hashing = _Hashing(path, before.st_size)
    try:
        count = count_in_blocks(path, layout, window)
        found = SignalsOfFile(count.rows, count.ones, "", layout)
    except (UnusualTextError, TooLargeError):
        from .rows import count_in_rows  # noqa: PLC0415  # as above

        found = count_in_rows(path, window, options)
    digest = hashing.result()
    if not _is_same(before, _status(path)):
        raise BatchError(f"{path} was changed while it was read; run the job again once the file is complete.")
    return found._replace(sha256=digest)


def count_in_blocks(path: Path, layout: FileFormat, window: int) -> BlockCount:
    """Count with NumPy. Raises UnusualTextError or TooLargeError if the file has to be read row by row."""
    count = BlockCount(window)
    if layout.packing == "plain":
        with FileIO(path) as source:
            _add_all(count, source, layout)
    else:
        from volcast.candle_files.archives import byte_blocks  # noqa: PLC0415  # as above

        with closing(byte_blocks(path)) as blocks:
            _add_all(count, _Unpacked(blocks), layout)
    return count


def usual_layout(path: Path) -> FileFormat | None:
    """Return the format of a plain CSV file whose first line has this project's columns; None for any other file.

    `recognize` says the same of it, from five hundred lines, which takes longer than to count the signals of a small file.
    """
    try:
        with path.open("rb") as file:
            first = file.read(_FIRST_BYTES).removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].rstrip(b"\r")
    except OSError:
        return None
    quotes = first[:1] == first[-1:] == b'"'
    names = first[1:-1] if quotes else first
    if first.startswith(_GZIP) or not names.isascii():
        return None
    header = tuple(name.strip() for name in names.decode().split(","))
    lower = [name.lower() for name in header]
    if len(header) != len(CANDLE_COLUMNS) or set(lower) != set(CANDLE_COLUMNS):
        return None
    columns = Columns(**{role: lower.index(name) for role, name in zip(ROLES, CANDLE_COLUMNS, strict=True)})
    return FileFormat(
        "this project's columns", "csv", "plain", columns, NO_OPTIONS, header, width=len(header), quoted_lines=quotes
    )


def _add_all(count: BlockCount, source: BlockSource, layout: FileFormat) -> None:
    for closes in read_closes(source, layout):
        count.add(closes)
    count.finish()


class _Unpacked:
    """Blocks of bytes as a source that fills buffers."""

    def __init__(self, blocks: Generator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readinto(self, buffer: memoryview, /) -> int:
        block = self._rest or next(self._blocks, b"")
        part, self._rest = block[: len(buffer)], block[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class _Hashing:
    """The hash of a file. That of a large one is calculated in a thread of its own: hashing does not hold Python's lock."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._digest = ""
        self._error: OSError | None = None
        self._thread = Thread(target=self._hash, daemon=True)
        if size > _MIN_BYTES_OF_A_THREAD:
            self._thread.start()
        else:
            self._hash()

    def _hash(self) -> None:
        digest = sha256()
        buffer = memoryview(bytearray(_HASHED_BYTES))
        try:
            with FileIO(self._path) as file:
                while got := file.readinto(buffer):
                    digest.update(buffer[:got])
        except OSError as error:
            self._error = error
        self._digest = digest.hexdigest()

    def result(self) -> str:
        if self._thread.ident is not None:
            self._thread.join()
        if self._error is not None:
            raise CandleFileError(f"{self._path} can't be read: {self._error.strerror or self._error}.")
        return self._digest


def _status(path: Path) -> stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise CandleFileError(f"{path} can't be read: {error.strerror or error}.") from None


def _is_same(before: stat_result, after: stat_result) -> bool:
    """Return whether a file was neither written to nor replaced."""
    return (before.st_ino, before.st_size, before.st_mtime_ns) == (after.st_ino, after.st_size, after.st_mtime_ns)
