"""The text of a file, plain, gzipped or in a zip archive: as lines, in constant memory, whatever the file holds.

What a file is follows from its first bytes, not from its name. A line without an end and an archive that unpacks to more than any
candle file are refused instead of being read into memory or for hours.
"""

import gzip
import stat
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, NamedTuple
from zipfile import BadZipFile, ZipFile, ZipInfo

from .contract import BinaryContainer, CandleFileError, Packing

_BLOCK_BYTES = 1 << 18
_MAX_LINE_BYTES = 1 << 20
_MAX_UNPACKED_BYTES = 1 << 35
"""32 GiB: about 400 million rows."""
_MAX_MEMBERS = 10_000
_MAGIC_BYTES, _BEGIN_BYTES = 16, 256
_ENCRYPTED = 1
"""A member's flag."""
_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_CONTAINERS: dict[bytes, BinaryContainer] = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow-stream"}
_OTHER_FORMATS = {
    b"PK": "a zip archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"FEA1": "a Feather file of the old version 1",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
}
"""By the first bytes of a file, what users may take for a candle file."""


class Content(NamedTuple):
    """What a file holds, by its first bytes."""

    packing: Packing
    container: BinaryContainer | Literal["text"]
    begin: bytes
    """The first bytes after unpacking."""
    member: str = ""
    """The name of the file in the zip archive."""


def content_of(path: Path) -> Content:
    """Return what the file holds. Raise CandleFileError if it cannot be read, or is of a format that is not read."""
    with _opened(path) as (stream, packing, member):
        begin = stream.read(_BEGIN_BYTES)
    if other := next((name for magic, name in _OTHER_FORMATS.items() if begin.startswith(magic)), None):
        inside = "" if packing == "plain" else "inside it is "
        raise CandleFileError(
            f"{path}: {inside or 'it is '}{other}; CSV, JSON, Parquet or Feather is expected: unpack or convert it first."
        )
    container: BinaryContainer | Literal["text"] = next(
        (name for magic, name in _CONTAINERS.items() if begin.startswith(magic)), "text"
    )
    if container != "text" and packing != "plain":
        raise CandleFileError(
            f"{path}: inside it is a {'Parquet' if container == 'parquet' else 'Feather'} file; unpack it first."
        )
    return Content(packing, container, begin, member)


def text_blocks(path: Path) -> Generator[list[str]]:
    """Yield the file's lines without their ends, some thousands at a time. Raise CandleFileError for what is no such text."""
    line, unpacked = 1, 0
    with _opened(path) as (stream, _, _):
        rest = b""
        while block := stream.read(_BLOCK_BYTES):
            if not unpacked:
                block = block.removeprefix(b"\xef\xbb\xbf")
            unpacked += len(block) or 1
            if unpacked > _MAX_UNPACKED_BYTES:
                raise CandleFileError(f"{path} is longer than {_MAX_UNPACKED_BYTES >> 30} GiB of text; split it by months.")
            end = block.rfind(b"\n") + 1
            if end:
                lines = _decoded(path, line, rest + block[:end]).split("\n")
                lines.pop()
                yield lines
                line += len(lines)
                rest = b""
            rest += block[end:]
            if len(rest) > _MAX_LINE_BYTES:
                raise CandleFileError(f"{path}, line {line}: longer than {_MAX_LINE_BYTES} bytes; a candle a line is expected.")
        if rest:
            yield [_decoded(path, line, rest)]


def byte_blocks(path: Path) -> Generator[bytes]:
    """Yield the unpacked bytes in blocks. Raise CandleFileError as `text_blocks` does."""
    unpacked = 0
    with _opened(path) as (stream, _, _):
        while block := stream.read(_BLOCK_BYTES):
            unpacked += len(block)
            if unpacked > _MAX_UNPACKED_BYTES:
                raise CandleFileError(f"{path} is longer than {_MAX_UNPACKED_BYTES >> 30} GiB of text; split it by months.")
            yield block


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], Packing, str]]:
    """Yield the unpacked bytes, how they are packed, and the name of the file in an archive."""
    packing: Packing = "plain"
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CandleFileError(
                f"{path} is {'a folder' if path.is_dir() else 'not a regular file'}; a candle file is expected."
            )
        with path.open("rb") as raw:
            begin = raw.peek(_MAGIC_BYTES)
            if begin.startswith(_GZIP):
                packing = "gzip"
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield stream, packing, ""  # type: ignore[misc]  # GzipFile reads bytes, as IO[bytes] does
            elif begin.startswith(_ZIP):
                packing = "zip"
                with ZipFile(raw) as archive:
                    member = _only_member(path, archive)
                    with archive.open(member) as stream:
                        yield stream, packing, member.filename
            else:
                yield raw, packing, ""
    except (EOFError, gzip.BadGzipFile, zlib.error, BadZipFile) as error:
        reason = "it ends too early" if isinstance(error, EOFError) else str(error)
        raise CandleFileError(f"{path}: the {packing} file is damaged ({reason}); download it again.") from None
    except NotImplementedError as error:  # a compression that ZipFile does not know
        raise CandleFileError(f"{path}: the zip file can't be read ({error}); unpack it first.") from None
    except FileNotFoundError:
        raise CandleFileError(f"{path} does not exist.") from None
    except OSError as error:
        raise CandleFileError(f"{path} can't be read: {error.strerror or error}.") from None


def _only_member(path: Path, archive: ZipFile) -> ZipInfo:
    """Return the only candle file of an archive. What systems add beside it, and checksums, do not count."""
    members = archive.infolist()
    if any(each.filename == "[Content_Types].xml" for each in members):
        raise CandleFileError(f"{path} is a spreadsheet; save it as CSV first.")
    files = [each for each in members[:_MAX_MEMBERS] if not each.is_dir() and not _is_by_product(each.filename)]
    if len(files) != 1:
        has = f"has {len(files)} files" if files else "has no file"
        raise CandleFileError(f"{path}: the zip archive {has}; one is expected: unpack it, and give the folder.")
    if files[0].flag_bits & _ENCRYPTED:
        raise CandleFileError(f"{path}: the zip archive has a password; unpack it first.")
    return files[0]


def _is_by_product(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".") or name.upper().endswith(("CHECKSUM", ".MD5"))


def _decoded(path: Path, line: int, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line += text.count(b"\n", 0, error.start)
        raise CandleFileError(
            f"{path}, line {line}: byte 0x{text[error.start]:02x} is not UTF-8 text; a CSV file is expected, saved as UTF-8."
        ) from None
