"""The usual volatility of a symbol at this time of the day and week, from its own signals of the last two weeks. Pure.

With d for `volatility_annualized_deseasonalized`, and its median over the last 14 days, one per hour:

    usual = volatility × median(d) / d,        so that volatility / usual = d / median(d)

So `volatility / usual` says how many times more volatile the market is than it has been of late, and a busy hour of the day is
not taken for news. Only warm signals count, and nothing is said before there are `MIN_HOURS` of them.
"""

from collections import deque
from statistics import median

from volcast.core.types import MINUTE_MS, Signal

HOURS = 14 * 24
MIN_HOURS = 24
_HOUR_MS = 60 * MINUTE_MS


class UsualLevels:
    """One deseasonalized forecast per hour and symbol: the first warm one of the hour."""

    def __init__(self) -> None:
        self._levels: dict[str, deque[tuple[int, float]]] = {}
        """By symbol: the hour since 1970, and the annualized deseasonalized volatility."""

    def take(self, signal: Signal) -> None:
        """Take in a signal; one that is not newer than the last one of its symbol changes nothing."""
        if not signal.warm:
            return
        hour = signal.open_time_ms // _HOUR_MS
        levels = self._levels.setdefault(signal.symbol, deque(maxlen=HOURS))
        if not levels or hour > levels[-1][0]:
            levels.append((hour, signal.volatility_annualized_deseasonalized))

    def usual(self, signal: Signal) -> float | None:
        """Return the usual volatility of the next H minutes after this signal; None while that is not known."""
        oldest = signal.open_time_ms // _HOUR_MS - HOURS
        levels = [level for hour, level in self._levels.get(signal.symbol, ()) if hour > oldest]
        deseasonalized = signal.volatility_annualized_deseasonalized
        if len(levels) < MIN_HOURS or not deseasonalized > 0:
            return None
        return float(median(levels)) / deseasonalized * signal.volatility
