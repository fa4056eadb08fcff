"""Detects silence: of a stream, judged by its usual pauses, and of a whole venue. Pure: times are arguments, in seconds."""

from collections import deque
from collections.abc import Mapping

FIRST_DATA_S = 60.0
"""The limit for a stream without data so far. Only data proves a subscription; an acknowledgment does not."""
MIN_S = 15.0
MAX_S = 900.0
_USUAL_PAUSES = 20.0
"""A silence of so many usual pauses is too long: of events that come at random, one pause in half a billion is that long."""
_REMEMBERED = 50
FIRST_REPORT_S = 120.0
"""After so long without any candle this is reported (one a minute is usual, up to 75 s apart), and then after twice as long each
time, but at least every `MAX_REPORT_S`.
"""
MAX_REPORT_S = 3_600.0


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


class Arrivals:
    """Since when nothing has arrived of each symbol, and when to say that nothing arrives at all: less and less often.

    >>> arrivals = Arrivals()
    >>> for second in range(0, 361, 5):
    ...     if text := arrivals.look({"BTCUSDT.BINANCE": 7}, second):
    ...         print(second, text)
    120 nothing has arrived for 120 s
    240 nothing has arrived for 240 s
    >>> arrivals.look({"BTCUSDT.BINANCE": 8}, 365), arrivals.quiet_s("BTCUSDT.BINANCE", 370)
    ('candles arrive again, after 365 s', 5)
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, float]] = {}
        """By symbol: how many records there were, and since when."""
        self._report_after_s = FIRST_REPORT_S

    def look(self, records: Mapping[str, int], now_s: float) -> str:
        """Take in how many records there have been of each symbol. Return what should be said now; mostly nothing."""
        quiet_before_s = self.all_quiet_s(now_s)
        self._last = {
            symbol: last if (last := self._last.get(symbol)) and last[0] == count else (count, now_s)
            for symbol, count in records.items()
        }
        quiet_s = self.all_quiet_s(now_s)
        if quiet_s >= self._report_after_s:
            self._report_after_s = min(2 * self._report_after_s, self._report_after_s + MAX_REPORT_S)
            return f"nothing has arrived for {quiet_s:.0f} s"
        if quiet_s < quiet_before_s and self._report_after_s > FIRST_REPORT_S:
            self._report_after_s = FIRST_REPORT_S
            return f"candles arrive again, after {quiet_before_s:.0f} s"
        return ""

    def quiet_s(self, symbol: str, now_s: float) -> float:
        """Return how long nothing has arrived of this symbol; 0 for one that was never looked at."""
        return now_s - self._last.get(symbol, (0, now_s))[1]

    def all_quiet_s(self, now_s: float) -> float:
        """Return how long nothing has arrived of any symbol."""
        return min((now_s - since_s for _, since_s in tuple(self._last.values())), default=0.0)
