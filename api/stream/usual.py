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
        self._medians: dict[str, tuple[int, int, float | None]] = {}
        """By symbol: the last median, and the hours of the signal and of the newest level that it is of."""

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
        hour, levels = signal.open_time_ms // _HOUR_MS, self._levels.get(signal.symbol)
        deseasonalized = signal.volatility_annualized_deseasonalized
        if not levels or not deseasonalized > 0:
            return None
        known = self._medians.get(signal.symbol)
        if known is None or known[:2] != (hour, levels[-1][0]):
            recent = [level for of_hour, level in levels if of_hour > hour - HOURS]
            known = hour, levels[-1][0], float(median(recent)) if len(recent) >= MIN_HOURS else None
            self._medians[signal.symbol] = known
        return known[2] / deseasonalized * signal.volatility if known[2] is not None else None
