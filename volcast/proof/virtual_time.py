"""Event loops whose time is virtual: where a normal loop would wait for a timer, these move their clock forward to it.

An hour of waiting costs nothing, and a program that gets nothing from outside runs the same way each time. Both loops are a
`VirtualTimeLoop` with a selector that keeps the clock; they differ in what they wait for:

    run                 in memory only: no file is ever ready, and a wait without a timer raises Deadlock
    run_with_sockets    real sockets and threads: the clock moves only while no socket is ready and no thread works
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from selectors import BaseSelector, DefaultSelector, SelectorKey
from typing import Any, TypeVar

_Result = TypeVar("_Result")

_THREAD_POLL_S = 0.05
"""Real seconds: how long to wait for sockets at a time while a thread works."""
_POLLS_BEFORE_JUMP = 2
"""The sockets are polled this often before the clock moves: a frame may still be on its way through the kernel."""


class Deadlock(Exception):
    """Every task waits, and no timer is scheduled that could wake one."""


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of `main`, run in virtual time without sockets. Tasks that it leaves running are cancelled.

    Raises Deadlock where a real loop would wait for ever.
    """
    with asyncio.Runner(loop_factory=InMemoryLoop) as runner:
        return runner.run(main)


def run_with_sockets(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of `main`, run in virtual time with real sockets. Tasks that it leaves running are cancelled."""
    with asyncio.Runner(loop_factory=SocketLoop) as runner:
        return runner.run(main)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that reads its time from its selector. The time starts at 0 s."""

    def __init__(self, selector: "_InMemorySelector | _SocketSelector") -> None:
        self._clock = selector
        super().__init__(selector)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._clock.now_s


class InMemoryLoop(VirtualTimeLoop):
    """A virtual-time loop for programs that use neither sockets nor threads."""

    def __init__(self) -> None:
        super().__init__(_InMemorySelector())


class SocketLoop(VirtualTimeLoop):
    """A virtual-time loop for programs with real sockets. Its time stands still while a thread of an executor works."""

    def __init__(self) -> None:
        self._sockets = _SocketSelector()
        super().__init__(self._sockets)

    def run_in_executor(  # type: ignore[override]  # the argument types of typeshed do not exist at run time
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run `func` in a thread, as any loop does, and count the thread."""
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        self._sockets.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109  # its name
        """Wait for the threads of the default executor, without the time limit of an `asyncio.Runner`."""
        await super().shutdown_default_executor()

    def _thread_done(self, _: "asyncio.Future[Any]") -> None:
        self._sockets.threads -= 1


class _InMemorySelector(BaseSelector):
    """A selector whose files are never ready. Waiting for a timer moves the time forward."""

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


class _SocketSelector(DefaultSelector):
    """A selector that moves the time forward to the next timer when no socket is ready and no thread works."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.threads = 0
        """Functions that an executor is running."""

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        for _ in range(_POLLS_BEFORE_JUMP):
            if events := super().select(0):
                return events
            if timeout is not None and timeout <= 0:
                return []
            os.sched_yield()
        if self.threads or timeout is None:
            return super().select(_THREAD_POLL_S if timeout is not None else timeout)
        self.now_s += timeout
        return []
