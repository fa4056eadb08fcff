"""When to try again after a failure (`Backoff`), and how far apart attempts must be (`Pacer`). Nothing here reads a clock of its
own: waits are waits of the event loop, and random numbers come from the caller's generator.
"""

import asyncio
from random import Random

BASE_S = 0.5
CAP_S = 60.0
GOOD_S = 60.0
"""A connection that delivered data for longer than this was a good one: the back-off starts over after it."""

FULL_JITTER = 1.0
"""A pause is drawn from [0, bound]."""
EQUAL_JITTER = 0.5
"""A pause is drawn from [bound / 2, bound]."""


class Backoff:
    """The pauses between the attempts of one caller: exponential back-off with jitter and a cap.

    A pause is drawn at random below a bound. The bound begins at `base_s` and doubles with each failure, up to `cap_s`. `jitter`
    is the share of the bound that is drawn: FULL_JITTER or EQUAL_JITTER, in the words of M. Brooker, "Exponential Backoff And
    Jitter" (AWS Architecture Blog, 2015).
    """

    def __init__(self, random: Random, *, base_s: float = BASE_S, cap_s: float = CAP_S, jitter: float = FULL_JITTER) -> None:
        self._random = random
        self._base_s, self._cap_s, self._jitter = base_s, cap_s, jitter
        self._bound_s = base_s

    def pause_s(self) -> float:
        """Draw the seconds to wait before the next attempt, and double the bound of the pause after it."""
        pause_s = self._random.uniform((1 - self._jitter) * self._bound_s, self._bound_s)
        self.double()
        return pause_s

    def double(self) -> None:
        """Double the bound of the next pause without a draw: for a failure whose pause was decided elsewhere."""
        self._bound_s = min(2 * self._bound_s, self._cap_s)

    def reset(self) -> None:
        """Start over with the shortest pause. Call it after an attempt that succeeded."""
        self._bound_s = self._base_s


class Pacer:
    """Gives turns at least `every_s` seconds apart, first come, first served. All connections to one venue share one."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_free_s = 0.0

    async def turn(self) -> None:
        """Return when it is the caller's turn."""
        now_s = asyncio.get_running_loop().time()
        turn_s = max(now_s, self._next_free_s)
        self._next_free_s = turn_s + self._every_s
        if turn_s > now_s:
            await asyncio.sleep(turn_s - now_s)
