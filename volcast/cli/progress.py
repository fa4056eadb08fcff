"""What a person sees while candles are replayed: a bar on a terminal, nothing where nobody looks."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
        """Candles a second, of late."""
        return Text(f"{task.speed or 0:,.0f}/s", style="progress.data.speed")


@contextmanager
def progress(what: str, total: int, completed: Callable[[], int]) -> Iterator[None]:
    """A bar on standard error that asks `completed` a few times a second, from a thread of its own."""
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
