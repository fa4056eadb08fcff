"""An event loop with real sockets and virtual time: where nothing is ready, its clock jumps to the next timer.

What a task sends over the loopback interface is there at once for the other end on the same loop, so the clock moves only when
all have done what they could. A day of market time takes as long as its frames take to be worked on.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from selectors import DefaultSelector, SelectorKey
from typing import Any, TypeVar

Answer = TypeVar("Answer")
_THREAD_WAIT_S = 0.05
_LOOKS = 2
"""At the sockets before the clock jumps."""


class AutojumpLoop(asyncio.SelectorEventLoop):
    """Begins at 0 s. While a thread of an executor works, time stands still."""

    def __init__(self) -> None:
        self._selector_with_clock = _Selector()
        super().__init__(self._selector_with_clock)

    def time(self) -> float:
        """Virtual seconds."""
        return self._selector_with_clock.now_s

    def run_in_executor(  # type: ignore[override]  # its types of arguments are not to be had at run time
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """As of any loop, and counted."""
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        self._selector_with_clock.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: "asyncio.Future[Any]") -> None:
        self._selector_with_clock.threads -= 1


def run(main: Coroutine[Any, Any, Answer]) -> Answer:
    """Run `main` on such a loop; what it leaves running is cancelled."""
    with asyncio.Runner(loop_factory=AutojumpLoop) as runner:
        return runner.run(main)


class _Selector(DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        for _ in range(_LOOKS):
            if events := super().select(0):
                return events
            if timeout is not None and timeout <= 0:
                return []
            os.sched_yield()
        if self.threads or timeout is None:
            return super().select(_THREAD_WAIT_S if timeout is not None else timeout)
        self.now_s += timeout
        return []
