"""When to connect anew: exponential back-off with full jitter and a cap, and never more often than the venue allows."""

import asyncio
from random import Random

BASE_S = 0.5
CAP_S = 60.0
GOOD_S = 60.0
"""A line that brought data for so long was a good one: the next pause is a short one again."""


class Backoff:
    """The pauses of one lane. Full jitter: Brooker, "Exponential backoff and jitter" (2015)."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._attempts = 0

    def pause_s(self) -> float:
        """Before the next attempt; longer and longer, until `reset`."""
        longest_s = min(BASE_S * 2.0**self._attempts, CAP_S)
        self._attempts += 1
        return self._random.uniform(0.0, longest_s)

    def reset(self) -> None:
        """There was good data."""
        self._attempts = 0


class Pacer:
    """Turns at least `every_s` apart, first come, first served; shared by all lanes of a venue."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._free_s = 0.0

    async def turn(self) -> None:
        """Return when it is the caller's turn."""
        now_s = asyncio.get_running_loop().time()
        mine_s = max(now_s, self._free_s)
        self._free_s = mine_s + self._every_s
        if mine_s > now_s:
            await asyncio.sleep(mine_s - now_s)
