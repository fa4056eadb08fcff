"""An event loop whose time is virtual: where another would wait for a timer, it moves its clock to it.

Nothing comes from outside, so a program on it runs the same each time, and an hour of waiting costs nothing.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from selectors import BaseSelector, DefaultSelector, SelectorKey
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Deadlock(Exception):
    """All tasks wait, and nothing is scheduled that could wake one."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Begins at 0 s. Raises Deadlock out of `run_until_complete` where a real loop would wait for ever."""

    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        """Virtual seconds."""
        return self._clock.now_s


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run `main` in virtual time; what it leaves running is cancelled."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


class _Clock(BaseSelector):
    """A selector under which files are never ready, and waiting moves the time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._keys: dict[int, SelectorKey] = {}

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None:
            raise Deadlock(f"at {self.now_s:.3f} s of virtual time all tasks wait, and nothing is scheduled that could wake one")
        self.now_s += max(timeout, 0.0)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        descriptor = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._keys[descriptor] = SelectorKey(fileobj, descriptor, events, data)
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def get_map(self) -> Mapping[Any, SelectorKey]:
        return self._keys


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

    def run_in_executor(  # type: ignore[override]  # its types of arguments are not to be had at run_with_sockets time
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """As of any loop, and counted."""
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        self._selector_with_clock.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: "asyncio.Future[Any]") -> None:
        self._selector_with_clock.threads -= 1


def run_with_sockets(main: Coroutine[Any, Any, _Result]) -> _Result:
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
