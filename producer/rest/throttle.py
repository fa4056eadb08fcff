"""How often a venue is asked over HTTP, and when again after a failure: one rule for all who ask the same venue.

A request takes its turn, `requests_per_s` at most, in the order of coming. A venue that says when to come back is asked nothing
at all before that. After another failure it is asked again when a random pause is over whose bound doubles each time
(exponential back-off with full jitter), until the caller's patience is used up. All times are those of the event loop.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from volcast.pacing import Backoff

_Result = TypeVar("_Result")

REQUEST_S = 30.0
"""One request, from its first byte out to the last one in, at most."""
_BACKOFF_S = 0.5
_BACKOFF_CAP_S = 30.0
_INSTANT_S = 1e-6
"""A timer may come early by a rounding error."""


class RestError(Exception):
    """The venue does not answer within what was allowed, or never will: one sentence says why."""


class UnknownPair(Exception):
    """The venue has no such market: one sentence for the user."""


class RetryableError(Exception):
    """One request that came to nothing and may be asked again."""

    def __init__(self, outcome: str, reason: str, *, wait_s: float | None = None, hold: bool = False) -> None:
        """`outcome` is a word to count by. For `wait_s` nothing may be asked by anybody; `hold`: nor during the back-off."""
        super().__init__(reason)
        self.outcome = outcome
        self.wait_s = wait_s
        self.hold = hold


class Throttle:
    """The pace and the patience of all requests to one venue."""

    def __init__(self, who: str, requests_per_s: float, random: Random) -> None:
        """`who` begins the sentences."""
        self._who = who
        self._gap_s = 1 / requests_per_s
        self._random = random
        self._next_turn_s = 0.0
        self._held_until_s = 0.0
        self._held_for = "too many questions are waiting"
        self.stats: Counter[str] = Counter()
        """By outcome: `ok`, `429`, `418`, `5xx`, `timeout`, `connection`, `garbage`, `refusal`, `refused`, `unknown_pair`."""

    async def ask(self, once: Callable[[], Awaitable[_Result]], *, patience_s: float, request_s: float = REQUEST_S) -> _Result:
        """Return the result of the first `once()` that does not raise RetryableError.

        Raises RestError, and whatever else `once` raises.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + patience_s
        backoff = Backoff(self._random, base_s=_BACKOFF_S, cap_s=_BACKOFF_CAP_S)
        reason = ""
        while True:
            await self._turn(deadline_s, reason)
            try:
                async with asyncio.timeout_at(min(deadline_s, loop.time() + request_s)):
                    answer = await once()
            except (RestError, UnknownPair) as error:
                self.stats["refused" if isinstance(error, RestError) else "unknown_pair"] += 1
                raise
            except TimeoutError:
                failed = RetryableError("timeout", "no answer in time")
            except RetryableError as error:
                failed = error
            else:
                self.stats["ok"] += 1
                return answer
            self.stats[failed.outcome] += 1
            reason = str(failed)
            again_s = loop.time() + _pause_s(failed, backoff)
            if failed.hold or failed.wait_s:
                self._held_until_s = max(self._held_until_s, again_s)
                self._held_for = reason
            if again_s >= deadline_s:
                raise self._refused(reason)
            if again_s > self._held_until_s:
                await asyncio.sleep(again_s - loop.time())

    async def _turn(self, deadline_s: float, reason: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            turn_s = max(loop.time(), self._next_turn_s, self._held_until_s)
            if turn_s > deadline_s:
                raise self._refused(reason or self._held_for)
            self._next_turn_s = turn_s + self._gap_s
            if turn_s > loop.time():
                await asyncio.sleep(turn_s - loop.time())
            if self._held_until_s <= loop.time() + _INSTANT_S:
                return

    def _refused(self, reason: str) -> RestError:
        return RestError(f"{self._who} does not answer as it should: {reason}.")


def _pause_s(failed: RetryableError, backoff: Backoff) -> float:
    if not failed.wait_s:
        return backoff.pause_s()
    backoff.double()
    return failed.wait_s
