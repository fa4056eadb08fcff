"""An event loop whose time is virtual: where another would wait for a timer, it moves its clock to it.

Nothing comes from outside, so a program on it runs the same each time, and an hour of waiting costs nothing.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from selectors import BaseSelector, SelectorKey
from typing import Any, TypeVar

Answer = TypeVar("Answer")


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


def run(main: Coroutine[Any, Any, Answer]) -> Answer:
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
