"""Detects when a stream has been silent for too long, judged by its usual pauses. Pure: times are arguments, in seconds."""

from collections import deque

FIRST_DATA_S = 60.0
"""The limit for a stream without data so far. Only data proves a subscription; an acknowledgment does not."""
MIN_S = 15.0
MAX_S = 900.0
_USUAL_PAUSES = 20.0
"""A silence of so many usual pauses is too long: of events that come at random, one pause in half a billion is that long."""
_REMEMBERED = 50


class SilenceDetector:
    """The silence of one stream, over all connections that carry it.

    >>> silence = SilenceDetector()
    >>> for second in range(0, 100, 2):
    ...     silence.data_arrived(second)
    >>> silence.limit_s, silence.is_too_long(120.0), silence.is_too_long(139.0)
    (40.0, False, True)
    """

    def __init__(self) -> None:
        self._arrivals_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._connected_s: float | None = None
        self._vain_reconnects = 0

    def connected(self, now_s: float) -> None:
        """Note that a new connection carries the stream."""
        self._connected_s = now_s

    def data_arrived(self, now_s: float) -> None:
        """Note that data of the stream came."""
        self._arrivals_s.append(now_s)
        self._vain_reconnects = 0

    def caused_reconnect(self) -> None:
        """Note that the silence has caused a reconnect. The limit doubles, so that a quiet pair does not cause many."""
        self._vain_reconnects += 1
        self._arrivals_s.clear()

    @property
    def limit_s(self) -> float:
        """A longer silence than this is too long. It doubles with each reconnect that brought no data."""
        if len(self._arrivals_s) < 2:  # noqa: PLR2004 - a pause has two ends
            usual_s = FIRST_DATA_S / _USUAL_PAUSES
        else:
            usual_s = (self._arrivals_s[-1] - self._arrivals_s[0]) / (len(self._arrivals_s) - 1)
        return min(max(_USUAL_PAUSES * usual_s, MIN_S) * 2.0**self._vain_reconnects, MAX_S)

    def silent_s(self, now_s: float) -> float:
        """Return how long the stream has been silent, since its last data or since its connection began."""
        last_s = self._arrivals_s[-1] if self._arrivals_s else self._connected_s
        return 0.0 if last_s is None else now_s - max(last_s, self._connected_s or last_s)

    def is_too_long(self, now_s: float) -> bool:
        """Return whether the stream has been silent for too long, so that its connection should be replaced."""
        return self.silent_s(now_s) > self.limit_s
