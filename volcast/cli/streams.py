"""Standard output and error of the process, so that each way in which they can fail has an exit code and no traceback.

A full disk behind standard output is an error with a message; a reader that has gone away (`volcast rejects list | head`) is one
without. Diagnostics that nobody can receive are dropped. A terminal that knows ASCII only gets σ as `sigma`. Only the standard
library is imported here, so that `volcast --help` is fast.
"""

import codecs
import io
import os
import signal
import sys
from typing import Any, TextIO

_SPELLED = "volcast-spelled"
_SPELLINGS = {"σ": "sigma", "–": "-", "→": "->", "…": "...", "×": "x", "±": "+-", "²": "2", "≤": "<=", "λ": "lambda", "µ": "u"}
_STDOUT, _STDERR = 1, 2


class OutputError(Exception):
    """Standard output cannot be written, for example because its disk is full."""


class OutputClosedError(Exception):
    """The reader of standard output has gone away; this needs no message."""


def prepare_streams() -> None:
    """Replace `sys.stdout` and `sys.stderr` by streams with the behaviour above, and let SIGTERM do what Ctrl-C does.

    A stream that somebody else has replaced, such as a test, is left alone.
    """
    codecs.register_error(_SPELLED, _spelled)
    for descriptor in (_STDOUT, _STDERR):
        _reserve(descriptor)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(_STDOUT, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Diagnostics(_STDERR, "w", closefd=False), sys.stderr)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def discard_output() -> None:
    """Send what is still buffered nowhere, so that Python does not try to write it again when it exits."""
    if isinstance(sys.stdout, _Text):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)
        os.close(nowhere)


class _Output(io.FileIO):
    """Standard output; an error of the system becomes one of ours."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise OutputClosedError from error
        except OSError as error:
            raise OutputError(f"cannot write to standard output: {error.strerror}") from error


class _Diagnostics(io.FileIO):
    """Standard error; what cannot be written is dropped."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


class _Text(io.TextIOWrapper):
    """Text in the terminal's encoding. In place of ASCII it is a larger one, which click and rich trust; only ASCII is sent."""

    ascii_only = False

    def write(self, text: str, /) -> int:
        if self.ascii_only:
            text = text.encode("ascii", _SPELLED).decode("ascii")
        return super().write(text)


def _text(raw: io.FileIO, replaced: TextIO | None) -> _Text:
    encoding = replaced.encoding if replaced else "utf-8"
    ascii_only = codecs.lookup(encoding).name == "ascii"
    buffer = io.BufferedWriter(raw)
    stream = _Text(buffer, "latin-1" if ascii_only else encoding, _SPELLED, line_buffering=True)
    stream.ascii_only = ascii_only
    return stream


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Return how to write the characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_SPELLINGS.get(each) or each.encode("ascii", "backslashreplace").decode() for each in characters), error.end


def _reserve(descriptor: int) -> None:
    """Occupy a descriptor that was closed, or the next file that is opened would get it, and our output with it.

    It is opened for reading, so that writing still fails.
    """
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, os.O_RDONLY)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)


def tell(what: str) -> None:
    """Print what begins now on standard error, if that is a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{what}\n")
        sys.stderr.flush()
