"""How long nothing is sent to a venue that has refused this address or its rate of requests. Times are arguments, in seconds.

A venue that is asked during a ban makes the ban longer, or permanent. So a refusal that is not about one market holds back all
requests to the venue, and a refusal right after a hold makes the next hold twice as long.
"""

from random import Random

MAX_HOLD_S = 3_600.0
"""The longest hold, unless the venue itself asks for more."""
_JITTER = 0.1
"""A hold that the venue did not time is up to this share longer, so that several processes do not return at once."""
_FORGOTTEN_S = 600.0
"""A refusal this long after the end of a hold, or as long as the hold itself was, begins anew with the shortest one."""


class Hold:
    """The hold on one way to a venue: its HTTP interface, or the opening of connections.

    >>> hold = Hold(Random(1))
    >>> hold.extend(600.0, "it answers HTTP 403", now_s=0.0, asked_s=600.0)
    >>> hold.left_s(0.0)
    600.0
    >>> hold.extend(600.0, "it answers HTTP 403", now_s=601.0, asked_s=None)
    >>> hold.left_s(601.0) >= 1_200.0
    True
    """

    def __init__(self, random: Random) -> None:
        """`random` draws the jitter."""
        self.until_s = 0.0
        """When the hold ends; a time in the past if there is none."""
        self.reason = ""
        """What the venue said when it began."""
        self._random = random
        self._refusals = 0
        self._length_s = 0.0

    def left_s(self, now_s: float) -> float:
        """Return how long the hold still lasts; 0 if there is none."""
        return max(self.until_s - now_s, 0.0)

    def extend(self, base_s: float, reason: str, *, now_s: float, asked_s: float | None) -> None:
        """Begin a hold after a refusal, or make the present one longer.

        `base_s` is the length after a first refusal of this kind, `asked_s` what the venue asks for; it gets at least that.
        """
        if now_s < self.until_s:  # the answer to a request that was already on its way when the hold began
            self.until_s = max(self.until_s, now_s + (asked_s or 0.0))
            return
        self._refusals = self._refusals + 1 if now_s < self.until_s + max(self._length_s, _FORGOTTEN_S) and self._length_s else 0
        grown_s = min(base_s * 2.0**self._refusals, max(base_s, MAX_HOLD_S))
        grown_s *= 1 + self._random.uniform(0.0, _JITTER)
        self._length_s = asked_s if asked_s and not self._refusals else max(grown_s, asked_s or 0.0)
        self.until_s, self.reason = now_s + self._length_s, reason

    def lengthen(self, until_s: float, reason: str) -> None:
        """Let the hold last until this time at least, without counting a refusal."""
        if until_s > self.until_s:
            self.until_s, self.reason = until_s, reason
