"""The rate of HTTP requests to one venue, and their retries; all callers of a venue share one Throttle.

Requests take turns in the order of arrival, at most `requests_per_s`. If the venue says when to come back, nothing is sent before
that. After any other failure the request is repeated after a pause (exponential back-off with full jitter), until the caller's
timeout is over. All times are those of the event loop.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from volcast.timing.pacing import Backoff

_Result = TypeVar("_Result")

REQUEST_TIMEOUT_S = 30.0
"""The longest that a single request may take, from its first byte sent to the last one received."""
_BACKOFF_S = 0.5
_BACKOFF_CAP_S = 30.0
_INSTANT_S = 1e-6
"""A timer may fire this early because of rounding."""


class RestError(Exception):
    """The venue did not answer within the timeout, or refuses for good: one sentence says why."""


class UnknownPair(Exception):
    """The venue has no such market: one sentence for the user."""


class RetryableError(Exception):
    """A request failed and may be repeated."""

    def __init__(self, outcome: str, reason: str, *, wait_s: float | None = None, hold: bool = False) -> None:
        """`outcome` is the word that counts it in `Throttle.stats`. All requests to the venue wait for `wait_s`.

        With `hold` they wait during this request's back-off, too.
        """
        super().__init__(reason)
        self.outcome = outcome
        self.wait_s = wait_s
        self.hold = hold


class Throttle:
    """Spaces all requests to one venue, and repeats those that failed for the moment."""

    def __init__(self, who: str, requests_per_s: float, random: Random) -> None:
        """`who` is the subject of error messages; `random` draws the pauses."""
        self._who = who
        self._gap_s = 1 / requests_per_s
        self._random = random
        self._next_turn_s = 0.0
        self._held_until_s = 0.0
        self._held_for = "too many requests are waiting"
        self.stats: Counter[str] = Counter()
        """By outcome: `ok`, `429`, `418`, `5xx`, `timeout`, `connection`, `garbage`, `refusal`, `refused`, `unknown_pair`."""

    async def ask(
        self, send: Callable[[], Awaitable[_Result]], *, timeout_s: float, request_timeout_s: float = REQUEST_TIMEOUT_S
    ) -> _Result:
        """Return the result of the first `send()` that does not raise RetryableError.

        Raises RestError when `timeout_s` is over, or would be over before the next attempt; and any other exception of `send`.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        backoff = Backoff(self._random, base_s=_BACKOFF_S, cap_s=_BACKOFF_CAP_S)
        reason = ""
        while True:
            await self._turn(deadline_s, reason)
            try:
                async with asyncio.timeout_at(min(deadline_s, loop.time() + request_timeout_s)):
                    result = await send()
            except (RestError, UnknownPair) as error:
                self.stats["refused" if isinstance(error, RestError) else "unknown_pair"] += 1
                raise
            except TimeoutError:
                failed = RetryableError("timeout", "no answer in time")
            except RetryableError as error:
                failed = error
            else:
                self.stats["ok"] += 1
                return result
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
    """Return the seconds until the next attempt: those that the venue asks for, else those of the back-off."""
    if not failed.wait_s:
        return backoff.pause_s()
    backoff.double()
    return failed.wait_s
