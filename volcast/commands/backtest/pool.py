"""Runs jobs in processes, shows how far they are, and stops them in good order.

The first Ctrl-C or TERM lets each job finish the rows at hand and keep what it has; the second one ends at once. A process that
is killed ends the run with a sentence, and processes end themselves if the one that started them is gone.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from types import FrameType
from typing import Any

from volcast.cli.main import UserError
from volcast.cli.progress import ProgressTask, progress_of

from .job import Job, run_pass

_LOOK_S = 0.2
_LINE_S = 60.0
"""Without a terminal there is a line of progress so often."""


class Interrupted(Exception):
    """The run was stopped before its end; what was done is kept."""


def run_jobs(jobs: Sequence[Job], processes: int) -> None:
    """Run all jobs, at most so many at once; with one process in this one, without another.

    Raises Interrupted after Ctrl-C or TERM; UserError if a process was killed; and what a job raised, once all have stopped.
    """
    if not jobs:
        return
    with _stop_on_signals() as stop:
        if processes == 1 or len(jobs) == 1:
            _run_here(jobs, stop)
        else:
            _run_in_processes(jobs, processes, stop)
        if stop.is_set():
            raise Interrupted


def _run_here(jobs: Sequence[Job], stop: threading.Event) -> None:
    counts = [0] * len(jobs)
    with progress_of(_tasks(jobs, counts), line_s=_LINE_S):
        for number, job in enumerate(jobs):
            run_pass(job, _teller(counts, number), stop.is_set)


def _run_in_processes(jobs: Sequence[Job], processes: int, stop: threading.Event) -> None:
    context = get_context("spawn")  # a fork would copy threads in the middle of what they do
    counts: Any = context.RawArray("q", len(jobs))
    stopped = context.Event()
    workers = min(processes, len(jobs))
    with (
        progress_of(_tasks(jobs, counts), line_s=_LINE_S),
        ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(counts, stopped)) as pool,
    ):
        futures = [pool.submit(_run, number, job) for number, job in enumerate(jobs)]
        waiting: set[Future[None]] = set(futures)
        while waiting:
            done, waiting = wait(waiting, _LOOK_S, FIRST_COMPLETED)
            if stop.is_set() or any(each.exception() for each in done):
                stopped.set()
    errors = [error for each in futures if (error := each.exception())]
    others = [error for error in errors if not isinstance(error, BrokenProcessPool)]
    if others:
        raise others[0]
    if errors and not stop.is_set():
        raise UserError(
            "a process of the backtest was killed, perhaps because memory ran out; what is done is kept: "
            "the same command goes on from there"
        )


def _tasks(jobs: Sequence[Job], counts: Sequence[int]) -> list[ProgressTask]:
    def read(number: int) -> Callable[[], int]:
        return lambda: counts[number]

    return [ProgressTask(job.title, job.rows, read(number)) for number, job in enumerate(jobs)]


def _teller(counts: Any, number: int) -> Callable[[int], None]:
    return lambda rows: counts.__setitem__(number, rows)


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C or TERM sets; the second one raises KeyboardInterrupt.

    Python calls handlers in the main thread only; in another one, nothing is changed.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def on_signal(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature is Python's
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_shared: dict[str, Any] = {}
"""In a process of the pool: what `_begin` received."""


def _begin(counts: Any, stopped: Any) -> None:
    """Prepare a process: Ctrl-C reaches it too, but only the one that started it decides; without that one it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _shared.update(counts=counts, stopped=stopped)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(number: int, job: Job) -> None:
    run_pass(job, _teller(_shared["counts"], number), _shared["stopped"].is_set)
