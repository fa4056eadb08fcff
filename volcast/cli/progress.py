"""Progress of replays of candles: bars on a terminal, and a line now and then elsewhere, if a command asks for it."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import NamedTuple

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_REFRESH_S = 0.2


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return the recent rate, in candles per second."""
        return Text(f"{task.speed or 0:,.0f}/s", style="progress.data.speed")


class ProgressTask(NamedTuple):
    """Something whose progress is shown."""

    what: str
    total: int
    completed: Callable[[], int]
    """Returns how much is done; a thread calls it a few times per second."""


def progress(what: str, total: int, completed: Callable[[], int]) -> AbstractContextManager[None]:
    """Show a bar on standard error during the `with` block; a thread calls `completed` a few times per second."""
    return progress_of([ProgressTask(what, total, completed)])


@contextmanager
def progress_of(tasks: Sequence[ProgressTask], line_s: float | None = None) -> Iterator[None]:
    """Show a bar for each task on standard error during the `with` block.

    Where that is no terminal nothing is shown; if `line_s` is given, a line about all tasks together, so many seconds apart.
    """
    console = Console(file=sys.stderr)
    if console.is_terminal:
        with _bars(tasks, console) as show, _calling(show, _REFRESH_S):
            yield
    elif line_s is not None:
        with _calling(_Lines(tasks).show, line_s):
            yield
    else:
        yield


@contextmanager
def _bars(tasks: Sequence[ProgressTask], console: Console) -> Iterator[Callable[[], None]]:
    """Yield a function that brings the bars up to date."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        numbers = [bars.add_task(task.what, total=task.total) for task in tasks]

        def show() -> None:
            for number, task in zip(numbers, tasks, strict=True):
                bars.update(number, completed=task.completed())

        try:
            yield show
        finally:
            show()


class _Lines:
    """Lines of progress for a file or a log. The rate is that since the line before."""

    def __init__(self, tasks: Sequence[ProgressTask]) -> None:
        self._tasks = tasks
        self._shown = (monotonic(), self._completed())

    def _completed(self) -> int:
        return sum(task.completed() for task in self._tasks)

    def show(self) -> None:
        """Print how much is done, how fast, and how long the rest takes."""
        (before_s, before), now_s, completed = self._shown, monotonic(), self._completed()
        self._shown = (now_s, completed)
        total, rate = sum(task.total for task in self._tasks), (completed - before) / max(now_s - before_s, 1e-9)
        left = f", {(total - completed) / rate / 60:.1f} min left" if rate > 0 else ""
        click.echo(f"{completed / max(total, 1):.0%} done, {rate:,.0f} rows/s{left}", err=True)


@contextmanager
def _calling(function: Callable[[], None], every_s: float) -> Iterator[None]:
    """Call a function in a thread, so many seconds apart."""
    done = threading.Event()

    def call() -> None:
        while not done.wait(every_s):
            function()

    thread = threading.Thread(target=call, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
