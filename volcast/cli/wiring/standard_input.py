"""Candles from standard input: `-` in place of a file. They are stored in a temporary file: candle files are read twice."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from volcast.candle_files.contract import CandleFileError
from volcast.cli.main import UserError
from volcast.cli.streams import tell

STANDARD_INPUT = Path("-")
_NAME = "standard input"
"""Names no market, so the symbol has to be given; it stands in messages, and as the source of the candles."""


def stored(files: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files, with `-` replaced by a file that holds standard input to its end, as long as the command runs.

    Raises UserError if `-` is there twice, and CandleFileError if the file can't be written.
    """
    if STANDARD_INPUT not in files:
        return tuple(files)
    if files.count(STANDARD_INPUT) > 1:
        raise UserError("- (standard input) can be read only once")
    folder = tempfile.TemporaryDirectory(prefix="volcast-")
    if context := click.get_current_context(silent=True):
        context.call_on_close(folder.cleanup)
    path = Path(folder.name) / _NAME
    tell("reading candles from standard input, to its end")
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
    except OSError as error:
        raise CandleFileError(f"standard input can't be stored in {path.parent}: {error.strerror or error}.") from None
    return tuple(path if each == STANDARD_INPUT else each for each in files)
