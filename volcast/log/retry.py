"""Retries of `Unavailable`, with exponential back-off and equal jitter; and for how long, where that has an end.

This is the only place where an outside failure of the log is retried. It is a file of its own because the producer and the
consumer both use it, with any log. A service waits for as long as it takes. A command that ends, and that somebody starts again,
runs within `patience`.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random
from typing import TypeVar

from volcast.timing.pacing import EQUAL_JITTER, Backoff

from .contract import Reader, Record, Unavailable

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 5.0
_GOOD_RUN_S = 30.0
"""An attempt that lasted longer did useful work before it failed: the back-off starts over after it."""

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


_patience_s: ContextVar[float] = ContextVar("patience_s", default=math.inf)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Within the block, and in tasks that are created there, raise Unavailable once a failure has lasted for so long."""
    token = _patience_s.set(seconds)
    try:
        yield
    finally:
        _patience_s.reset(token)


async def while_unavailable(
    what: str, work: Callable[[], Awaitable[_Result]], random: Random, progress: Callable[[], object] = lambda: None
) -> _Result:
    """Run `work` again and again until it does not raise `Unavailable`, and return its result.

    `what` names the work in the log; `random` draws the jitter. Any other exception of `work` is raised at once, and so is a
    cancellation. Each attempt must start from what the log holds, because it is unknown how much of the last one was written.
    Within `patience` it raises Unavailable once all attempts have failed for so long. If `progress` returns something else than
    at the failure before, that time begins anew.
    """
    loop, patience_s = asyncio.get_running_loop(), _patience_s.get()
    backoff = Backoff(random, base_s=FIRST_PAUSE_S, cap_s=MAX_PAUSE_S, jitter=EQUAL_JITTER)
    failing_since_s, reached = math.inf, progress()
    while True:
        began_s = loop.time()
        try:
            return await work()
        except Unavailable as unavailable:
            now_s, before, reached = loop.time(), reached, progress()
            failing_since_s = now_s if reached != before else min(failing_since_s, now_s)
            if now_s - failing_since_s >= patience_s:
                raise Unavailable(f"{what}: {unavailable}; given up after {patience_s:g} s: try again later") from unavailable
            if now_s - began_s > _GOOD_RUN_S:
                backoff.reset()
            pause_s = min(backoff.pause_s(), failing_since_s + patience_s - now_s)
            _log.warning("%s: %s; trying again in %.1f s", what, unavailable, pause_s)
        await asyncio.sleep(pause_s)


class Silence:
    """Notices that readers bring nothing though they are not at the end: they wait for a broker that is gone, and say nothing."""

    def __init__(self, what: str) -> None:
        """`what` is where the records should come from. Must be created within a running event loop."""
        self._what, self._patience_s = what, _patience_s.get()
        self._now_s = asyncio.get_running_loop().time
        self._since_s = self._now_s()

    def note(self, *, is_heard: bool) -> None:
        """Take note of a read: whether it brought anything, or is at the end. Raises Unavailable after `patience`."""
        if is_heard:
            self._since_s = self._now_s()
        elif self._now_s() - self._since_s >= self._patience_s:
            raise Unavailable(f"{self._what}: nothing has come for {self._patience_s:g} s, though there are more records")


async def to_end(reader: Reader, max_records: int, timeout_s: float) -> AsyncIterator[Sequence[Record]]:
    """Yield what a reader returns until it has caught up. Raises Unavailable, within `patience` also if nothing comes."""
    silence = Silence("the log")
    while not reader.caught_up:
        records = await reader.read(max_records, timeout_s)
        silence.note(is_heard=bool(records) or reader.caught_up)
        yield records
