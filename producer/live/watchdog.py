"""When a stream has been silent for too long, judged by how often it spoke of late. Pure: times are arguments, in seconds."""

from collections import deque

FIRST_S = 60.0
"""For a stream that has not spoken yet: a subscription is proven by data, not by its acknowledgment."""
MIN_S = 15.0
MAX_S = 900.0
_TIMES = 20.0
"""Its usual pause, so many times, is too long: of events that come by chance, one pause in half a billion is."""
_REMEMBERED = 50


class SilenceDetector:
    """One stream's rhythm, over all lines that carry it.

    >>> stream = SilenceDetector()
    >>> for second in range(0, 100, 2):
    ...     stream.heard(second)
    >>> stream.limit_s, stream.is_too_long(120.0), stream.is_too_long(139.0)
    (40.0, False, True)
    """

    def __init__(self) -> None:
        self._heard_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._began_s: float | None = None
        self._strikes = 0

    def begin(self, now_s: float) -> None:
        """A new line carries the stream."""
        self._began_s = now_s

    def heard(self, now_s: float) -> None:
        """It spoke."""
        self._heard_s.append(now_s)
        self._strikes = 0

    def struck(self) -> None:
        """Its silence has cost a line; a pair that trades rarely must not cost one after the other."""
        self._strikes += 1
        self._heard_s.clear()

    @property
    def limit_s(self) -> float:
        """Longer than this is too long; twice as long after each time that it was of no use."""
        if len(self._heard_s) < 2:  # noqa: PLR2004 - a pause has two ends
            usual_s = FIRST_S / _TIMES
        else:
            usual_s = (self._heard_s[-1] - self._heard_s[0]) / (len(self._heard_s) - 1)
        return min(max(_TIMES * usual_s, MIN_S) * 2.0**self._strikes, MAX_S)

    def since_s(self, now_s: float) -> float:
        """Since it last spoke, or its line began."""
        last_s = self._heard_s[-1] if self._heard_s else self._began_s
        return 0.0 if last_s is None else now_s - max(last_s, self._began_s or last_s)

    def is_too_long(self, now_s: float) -> bool:
        """Whether the line should be left."""
        return self.since_s(now_s) > self.limit_s
