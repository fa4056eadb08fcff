"""The one place in which an outside failure is retried: `Unavailable`, with exponential back-off and full jitter."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from .contract import Unavailable

FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 5.0
_GOOD_RUN_S = 30.0
"""Work that lasted this long was not a failed attempt: the next pause is the first one again."""

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


async def while_unavailable(what: str, work: Callable[[], Awaitable[_Result]], random: Random) -> _Result:
    """Run `work` anew until it ends otherwise than by `Unavailable`; `what` names it in the log. Ends by cancellation, too.
    `random` is for the jitter.

    Each attempt must start from what the log holds, as nobody knows how much of the last one arrived.
    """
    loop = asyncio.get_running_loop()
    longest_s = FIRST_PAUSE_S
    while True:
        began = loop.time()
        try:
            return await work()
        except Unavailable as unavailable:
            if loop.time() - began > _GOOD_RUN_S:
                longest_s = FIRST_PAUSE_S
            pause_s = random.uniform(longest_s / 2, longest_s)
            _log.warning("%s: %s; trying again in %.1f s", what, unavailable, pause_s)
        await asyncio.sleep(pause_s)
        longest_s = min(2 * longest_s, MAX_PAUSE_S)
