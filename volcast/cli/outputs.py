"""Output files of commands: the ending of a name must fit what is written, and `-` means standard output.

It stands alone because several commands write files.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from volcast.atomic_file import writing

from .main import UserError

STANDARD_OUTPUT = Path("-")


def check_ending(option: str, path: Path | None, *endings: str) -> None:
    """Raise UserError if the name has another ending than one of these, each of which may be followed by `.gz`.

    A name without an ending is accepted. Another ending asks for a format that is not written: a file of CSV text that is called
    .parquet would be found out much later, by another program.
    """
    if path is None or path == STANDARD_OUTPUT:
        return
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix and suffix not in endings:
        expected = " or ".join((endings[0], f"{endings[0]}.gz"))
        raise UserError(f"{option} {path}: {suffix} files are not written here; end the name in {expected}")


@contextmanager
def output(path: Path) -> Iterator[TextIO]:
    """Yield a text file that becomes `path` at the end of the `with` block, or standard output if `path` is `-`."""
    if path != STANDARD_OUTPUT:
        with writing(path) as file:
            yield file
        return
    yield sys.stdout
    sys.stdout.flush()
