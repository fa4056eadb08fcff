"""Retries of `Unavailable`, with exponential back-off and equal jitter.

This is the only place where an outside failure of the log is retried. It is a file of its own because the producer and the
consumer both use it, with any log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from volcast.timing.pacing import EQUAL_JITTER, Backoff

from .contract import Unavailable

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 5.0
_GOOD_RUN_S = 30.0
"""An attempt that lasted longer did useful work before it failed: the back-off starts over after it."""

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


async def while_unavailable(what: str, work: Callable[[], Awaitable[_Result]], random: Random) -> _Result:
    """Run `work` again and again until it does not raise `Unavailable`, and return its result.

    `what` names the work in the log; `random` draws the jitter. Any other exception of `work` is raised at once, and so is a
    cancellation. Each attempt must start from what the log holds, because it is unknown how much of the last one was written.
    """
    loop = asyncio.get_running_loop()
    backoff = Backoff(random, base_s=FIRST_PAUSE_S, cap_s=MAX_PAUSE_S, jitter=EQUAL_JITTER)
    while True:
        began_s = loop.time()
        try:
            return await work()
        except Unavailable as unavailable:
            if loop.time() - began_s > _GOOD_RUN_S:
                backoff.reset()
            pause_s = backoff.pause_s()
            _log.warning("%s: %s; trying again in %.1f s", what, unavailable, pause_s)
        await asyncio.sleep(pause_s)
