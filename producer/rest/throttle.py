"""The rate of HTTP requests to one venue, and their retries; all callers of a venue share one Throttle.

Requests take turns in the order of arrival, at most `requests_per_s`. If the venue refuses this address or the rate of requests,
or says when to come back, nothing is sent for a while (`hold.py`). After any other failure the request is repeated after a pause
(exponential back-off with full jitter), until the caller's timeout is over. All times are those of the event loop.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from volcast.timing.pacing import Backoff

from .hold import Hold

_Result = TypeVar("_Result")

REQUEST_TIMEOUT_S = 30.0
"""The longest that a single request may take, from its first byte sent to the last one received."""
_BACKOFF_S = 0.5
_BACKOFF_CAP_S = 30.0
_log = logging.getLogger(__name__)
_INSTANT_S = 1e-6
"""A timer may fire this early because of rounding."""


class RestError(Exception):
    """The venue did not answer within the timeout, or refuses for good: one sentence says why."""


class UnknownPair(Exception):
    """The venue has no such market: one sentence for the user."""


class RetryableError(Exception):
    """A request failed and may be repeated."""

    def __init__(
        self, outcome: str, reason: str, *, wait_s: float | None = None, hold_s: float = 0.0, is_ban: bool = False
    ) -> None:
        """`outcome` is the key under which `Throttle.stats` counts the failure.

        `wait_s` is how long the venue asks to be left alone. `hold_s` is above 0 for a refusal of all requests, and is then the
        length of the first hold. `is_ban`: the address is banned, so no connection is opened either.
        """
        super().__init__(reason)
        self.outcome = outcome
        self.wait_s = wait_s
        self.hold_s = hold_s
        self.is_ban = is_ban


class Throttle:
    """Spaces all requests to one venue, and repeats those that failed for the moment."""

    def __init__(self, who: str, requests_per_s: float, random: Random) -> None:
        """`who` is the subject of error messages; `random` draws the pauses."""
        self._who = who
        self._gap_s = 1 / requests_per_s
        self._random = random
        self._next_turn_s = 0.0
        self.hold = Hold(random)
        """No request is sent while it lasts."""
        self.connect_hold = Hold(random)
        """No connection to the venue's streams should be opened while it lasts."""
        self.last_failure = ""
        """The reason of the last failure; empty after a success."""
        self.stats: Counter[str] = Counter()
        """By outcome: `ok`, `403`, `418`, `429`, `451`, `5xx`, `timeout`, `connection`, `garbage`, `refusal` (a request that may
        be repeated, with an error that is not understood), `refused`, `unknown_pair`.
        """

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
                self.last_failure = str(error)
                raise
            except TimeoutError:
                failed = RetryableError("timeout", "no answer in time")
            except RetryableError as error:
                failed = error
            else:
                self.stats["ok"] += 1
                self.last_failure = ""
                return result
            self.stats[failed.outcome] += 1
            reason = self.last_failure = str(failed)
            if failed.hold_s or failed.wait_s:
                backoff.double()
                self._begin_hold(failed, loop.time())
                again_s = self.hold.until_s
            else:
                again_s = loop.time() + backoff.pause_s()
            if again_s >= deadline_s:
                raise self._refused(reason)
            if again_s > self.hold.until_s:
                await asyncio.sleep(again_s - loop.time())

    async def _turn(self, deadline_s: float, reason: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            turn_s = max(loop.time(), self._next_turn_s, self.hold.until_s)
            if turn_s > deadline_s:
                raise self._refused(reason or self._why_waiting(loop.time()))
            self._next_turn_s = turn_s + self._gap_s
            if turn_s > loop.time():
                await asyncio.sleep(turn_s - loop.time())
            if self.hold.until_s <= loop.time() + _INSTANT_S:
                return

    def _begin_hold(self, failed: RetryableError, now_s: float) -> None:
        if failed.hold_s:
            self.hold.extend(failed.hold_s, str(failed), now_s=now_s, asked_s=failed.wait_s)
            _log.info("%s: %s; nothing is requested for %.0f s", self._who, failed, self.hold.left_s(now_s))
        else:
            self.hold.lengthen(now_s + (failed.wait_s or 0.0), str(failed))
        if failed.is_ban:
            self.connect_hold.lengthen(self.hold.until_s, str(failed))

    def _why_waiting(self, now_s: float) -> str:
        left_s = self.hold.left_s(now_s)
        return (
            f"{self.hold.reason}; nothing is requested for another {left_s:.0f} s" if left_s else "too many requests are waiting"
        )

    def _refused(self, reason: str) -> RestError:
        return RestError(f"{self._who} does not answer as it should: {reason}.")
