"""A progress bar for a replay of candles, shown on a terminal only."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


def tell(what: str) -> None:
    """Print what begins now on standard error, if that is a terminal."""
    if sys.stderr.isatty():
        click.echo(what, err=True)


@contextmanager
def progress(what: str, total: int, completed: Callable[[], int]) -> Iterator[None]:
    """Show a bar on standard error during the `with` block; a thread calls `completed` a few times per second."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        done = threading.Event()

        def refresh() -> None:
            while not done.wait(_REFRESH_S):
                bar.update(task, completed=completed())

        thread = threading.Thread(target=refresh, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            bar.update(task, completed=completed())
