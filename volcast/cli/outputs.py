"""Output files of commands: the ending of a name must fit what is written, and `-` means standard output."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from volcast.atomic_file import OutputFileError, writing

from .main import UserError

STANDARD_OUTPUT = Path("-")
_PACKED_ITSELF = frozenset({".parquet"})
"""Formats that compress what they hold, and are not gzipped."""


def check_ending(option: str, path: Path | None, *endings: str) -> None:
    """Raise UserError if the name has another ending than one of these; those of text may be followed by `.gz`.

    A name without an ending is accepted and means the first. Another ending asks for a format that is not written: a file of CSV
    text that is called .parquet would be found out much later, by another program.
    """
    if path is None or path == STANDARD_OUTPUT:
        return
    stem = path.name.removesuffix(".gz")
    suffix = Path(stem).suffix.lower()
    if (suffix and suffix not in endings) or (suffix in _PACKED_ITSELF and stem != path.name):
        expected = " or ".join((endings[0], f"{endings[0]}.gz", *(each for each in endings if each in _PACKED_ITSELF)))
        raise UserError(f"{option} {path}: {suffix} files are not written here; end the name in {expected}")


def check_writable(path: Path | None) -> None:
    """Raise OutputFileError if no file can be written beside `path`: better now than after the work of minutes."""
    if path is None or path == STANDARD_OUTPUT:
        return
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as error:
        raise OutputFileError(f"{path} can't be written: {error.strerror or error}") from None


@contextmanager
def output(path: Path) -> Iterator[TextIO]:
    """Yield a text file that becomes `path` at the end of the `with` block, or standard output if `path` is `-`."""
    if path != STANDARD_OUTPUT:
        with writing(path) as file:
            yield file
        return
    yield sys.stdout
    sys.stdout.flush()
