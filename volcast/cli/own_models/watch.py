"""Notices what a user's model reads while it forecasts: the candles' own files, above all, in which the future is written.

Python reports each file that it opens, and each connection and process that it starts, to an audit hook (PEP 578). A library that
opens files by itself, without Python, is not seen.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from inspect import currentframe
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from . import load

THE_FILE = "the file"
"""The name of code outside all functions, which runs when a file is imported."""
_CODE = (".py", ".pyc", ".so", ".pth")
_STARTS = {"socket.connect": "connects to a server", "subprocess.Popen": "starts a process", "os.system": "starts a process"}


class Peek(NamedTuple):
    """Something that a model has read although its forecasts must depend on the candles alone."""

    file: str
    line: int
    code: str
    """The class and method, or the function."""
    what: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.code} {self.what}"


class _Watch:
    def __init__(self, files: Iterable[Path]) -> None:
        self.files = {os.path.realpath(file): file for file in files}
        self.found: dict[Peek, None] = {}

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        """Note an event if the code of an own model has caused it."""
        caller = _caller(currentframe())
        if caller is None:
            return
        file, line, code, forecasts = caller
        if event in _STARTS and forecasts:
            self.found[Peek(file, line, code, f"{_STARTS[event]} while it forecasts")] = None
        elif event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            name = os.fsdecode(arguments[0])
            if candles := self.files.get(os.path.realpath(name)):
                self.found[Peek(file, line, code, f"reads {candles}, in which the future is written")] = None
            elif forecasts and not name.endswith(_CODE) and "__pycache__" not in Path(name).parts:
                self.found[Peek(file, line, code, f"opens {name} while it forecasts")] = None


_active: list[_Watch] = []
_installed: list[bool] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _active and (event == "open" or event in _STARTS):
        watch = _active.pop()  # what follows may itself open files
        try:
            watch.hear(event, arguments)
        finally:
            _active.append(watch)


@contextmanager
def watching(files: Iterable[Path]) -> Iterator[dict[Peek, None]]:
    """Yield what models are seen to read during the `with` block; `files` are those of the candles."""
    if not _installed:
        sys.addaudithook(_hook)  # for good: an audit hook cannot be removed
        _installed.append(True)
    watch = _Watch(files)
    _active.append(watch)
    try:
        yield watch.found
    finally:
        _active.remove(watch)


def _caller(frame: FrameType | None) -> tuple[str, int, str, bool] | None:
    """Return which code of an own model is running: its file, line and name, and whether it forecasts or learns."""
    places = load.own_places()
    found: tuple[str, int, str] | None = None
    while frame is not None:
        code = frame.f_code
        if found is None and (place := places.get(code.co_filename)):
            name = THE_FILE if code.co_name == "<module>" else code.co_qualname
            found = place.shown, frame.f_lineno, name
        if found and frame.f_globals.get("__name__") == load.__name__:
            return (*found, False)
        frame = frame.f_back
    return (*found, True) if found else None
