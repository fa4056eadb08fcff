"""The log of a batch job: lines with a time and a level, to the console and to a file.

    2024-01-01T00:00:00.000Z info rows loaded: 44640

The console is standard error, as standard output has the result alone. A file that cannot be written ends the job; a console that
cannot be written is nobody's loss.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from .result import BatchError


class RunLog:
    """Writes each line at once, so that a job that is killed leaves the lines that it had written.

    Args:
        console: Where the lines are printed.
        now_s: The clock, in seconds since 1970.
    """

    def __init__(self, console: TextIO, now_s: Callable[[], float]) -> None:
        self._console = console
        self._now_s = now_s
        self._path = Path()
        self._descriptor: int | None = None

    def open(self, path: Path) -> None:
        """Append to this file from now on; a log keeps the lines of earlier runs. Raises BatchError if it cannot be opened."""
        try:
            if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
                raise BatchError(f"The log {path} can't be written: it is a pipe; name a file.")
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            raise BatchError(f"The log {path} can't be written: {error.strerror or error}.") from None
        self._path = path

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = None

    def info(self, message: str) -> None:
        """Log what was done. Raises BatchError if the file cannot be written."""
        self._write("info", message)

    def warning(self, message: str) -> None:
        """Log what the user should look at. Raises BatchError as `info` does."""
        self._write("warning", message)

    def error(self, message: str) -> None:
        """Log why the job failed. It never raises: the console has the message even if the file cannot be written."""
        with suppress(BatchError):
            self._write("error", message)

    def _write(self, level: str, message: str) -> None:
        time = datetime.fromtimestamp(self._now_s(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = f"{time} {level} {_printable(message)}\n"
        with suppress(OSError, ValueError):
            self._console.write(line)
            self._console.flush()
        if self._descriptor is None:
            return
        rest = line.encode(errors="backslashreplace")
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise BatchError(f"The log {self._path} can't be written: {error.strerror or error}.") from None


def _printable(message: str) -> str:
    """Escape control characters: a name with a newline in it makes no second line."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in message)
