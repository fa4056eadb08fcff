"""The worker processes of POST /predict: started when first needed, ended after a while without work or if they take too long.

A process, and not a thread: with a thread that computes, one in twenty waits of the server's event loop took 16 ms longer, with a
process less than 6 ms on the same busy machine; and nothing could end a thread. Requests wait in a bounded queue, first come,
first served.
"""

import asyncio
import os
import subprocess
import sys
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import ceil
from pathlib import Path
from time import monotonic

from .worker import frame, read_message

MAX_WORKERS = 4
MAX_QUEUED = 16
"""Requests that wait for a worker; a further one is refused."""
MAX_WAIT_S = 30.0
"""With the computation it is below the 60 s that the HTTP server gives to a response."""
MAX_COMPUTE_S = 20.0
"""Some thirty times what the largest request takes on an idle machine: on a busy one, what arrives live comes first."""
MAX_START_S = 30.0
IDLE_S = 300.0
"""A worker without work for so long ends; it holds some 100 MB."""
_ROOT = Path(__file__).parents[3]
_COMMAND = [sys.executable, "-P", "-m", "api.routes.predict.worker"]
_USUAL_S = 0.1


class PoolBusyError(Exception):
    """There is no room for one more request, or none became free in time."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many forecasts are being computed; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class PoolFailedError(Exception):
    """A worker has ended, or took too long and was ended; the message says which."""


class PredictWorker:
    """One process. Its methods block, so they are called in threads."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}  # may be secrets
        paths = [str(_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        environment |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
        self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def ask(self, body: bytes) -> bytes:
        """Return the answer to a body. Raises PoolFailedError if the process ends before."""
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018  # both are pipes
        try:
            self._process.stdin.write(frame(body))
            self._process.stdin.flush()
            answer = read_message(self._process.stdout)  # type: ignore[arg-type]  # a buffered binary stream
        except (OSError, ValueError):  # ValueError: closed by another thread
            answer = None
        if answer is None:
            raise PoolFailedError("the process that computes forecasts has ended; try again")
        return answer

    def end(self) -> None:
        """End the process at once. It has nothing to save."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):  # what was not yet written to it
                    pipe.close()


class PredictPool:
    """The workers of one application. It is used by one event loop, which is that of the first request."""

    def __init__(
        self,
        workers: int | None = None,
        max_waiting: int = MAX_QUEUED,
        max_wait_s: float = MAX_WAIT_S,
        max_compute_s: float = MAX_COMPUTE_S,
        idle_s: float = IDLE_S,
    ) -> None:
        """By default one processor is left to the rest of the pipeline."""
        self._workers = workers or min(MAX_WORKERS, max(1, (os.cpu_count() or 1) - 1))
        self._max_waiting, self._max_wait_s = max_waiting, max_wait_s
        self._max_compute_s, self._idle_s = max_compute_s, idle_s
        self._pending = 0
        self._seconds = _USUAL_S
        """How long the last forecast took."""
        self._slots = asyncio.Semaphore(self._workers)
        self._idle: list[tuple[PredictWorker, float]] = []
        """Workers without work, and since when."""
        self._running: set[PredictWorker] = set()
        weakref.finalize(self, _end_all, self._running)

    @property
    def worker_count(self) -> int:
        """Number of processes."""
        return len(self._running)

    async def ask(self, body: bytes, is_gone: Callable[[], Awaitable[bool]] | None = None) -> bytes:
        """Return a worker's answer to a body; `is_gone` tells, when it is its turn, whether nobody waits for it any more.

        Raises PoolBusyError if too many wait already, or a worker does not become free in time, and PoolFailedError if the worker
        ends or takes too long.
        """
        if self._pending >= self._workers + self._max_waiting:
            raise PoolBusyError(self._retry_after_s())
        self._pending += 1
        try:
            try:
                async with asyncio.timeout(self._max_wait_s):
                    await self._slots.acquire()
            except TimeoutError:
                raise PoolBusyError(self._retry_after_s()) from None
            try:
                return b"" if is_gone and await is_gone() else await self._compute(body)
            finally:
                self._slots.release()
        finally:
            self._pending -= 1

    async def _compute(self, body: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        worker = self._idle.pop()[0] if self._idle else None
        limit_s = self._max_compute_s + (0.0 if worker else MAX_START_S)
        began_s = monotonic()
        if worker is None:
            worker = await loop.run_in_executor(None, PredictWorker)
            self._running.add(worker)
        try:
            async with asyncio.timeout(limit_s):
                answer = await loop.run_in_executor(None, worker.ask, body)
        except BaseException as error:  # a request that was cancelled, too: its worker is not free
            self._running.discard(worker)
            await asyncio.shield(loop.run_in_executor(None, worker.end))
            if isinstance(error, TimeoutError):
                raise PoolFailedError(f"the forecast took longer than {self._max_compute_s:g} s and was given up") from None
            raise
        if limit_s == self._max_compute_s:
            self._seconds = monotonic() - began_s
        self._idle.append((worker, loop.time()))
        loop.call_later(self._idle_s + 0.1, self._end_idle, loop)
        return answer

    def _end_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        """End workers that have had no work for `idle_s`; those that were used last are at the end of the list."""
        while self._idle and loop.time() - self._idle[0][1] >= self._idle_s:
            worker, _ = self._idle.pop(0)
            self._running.discard(worker)
            worker.end()

    def _retry_after_s(self) -> int:
        return max(1, ceil(self._pending * self._seconds / self._workers))


def _end_all(running: set[PredictWorker]) -> None:
    for worker in running:
        worker.end()
