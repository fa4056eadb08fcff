"""Indicators for people, in familiar units: returns, momentum, volumes, ranges, time. No model learns from them.

A day of returns is kept by minute; prices and volumes of a day are kept by quarter of an hour. Windows count observed minutes: a
gap adds nothing, and the price change across it is not a return. Windows in quarters hold closed quarters and the open one.
"""

from math import cos, inf, log, pi, sin, sqrt
from typing import Any, Final

import numpy as np

from volcast.core.arrays import Floats

from .clock import DAY_MINUTES, day_of_week, is_weekend

QUARTER_MINUTES: Final = 15
_QUARTERS: Final = DAY_MINUTES // QUARTER_MINUTES
_HOUR, _FOUR_HOURS = 60, 240
_HIGH, _LOW, _VOLUME, _MINUTES = range(4)
_NO_QUARTER = (-inf, inf, 0.0, 0.0)
INDICATORS: Final[dict[str, tuple[str, str]]] = {
    "return_1h": ("log", "Sum of the last 60 log returns."),
    "return_4h": ("log", "Sum of the last 240 log returns."),
    "return_24h": ("log", "Sum of the last 1440 log returns."),
    "momentum_1h": ("standard deviations", "return_1h / (std_24h·√60): far from 0 in a trend."),
    "momentum_4h": ("standard deviations", "return_4h / (std_24h·√240): far from 0 in a trend."),
    "volume_mean_1h": ("quote currency per minute", "Mean volume over 4 quarters of an hour and the open one."),
    "volume_mean_24h": ("quote currency per minute", "Mean volume over 96 quarters of an hour and the open one."),
    "volume_change_1h": ("log ratio", "log(volume_mean_1h / its value for the hour before); 0 while unknown."),
    "volume_change_24h": ("log ratio", "log(volume_mean_1h / volume_mean_24h); 0 while unknown."),
    "std_1h": ("log per minute", "Standard deviation of the last 60 log returns."),
    "std_24h": ("log per minute", "Standard deviation of the last 1440 log returns."),
    "range_1h": ("log", "log(high / low) over 4 quarters of an hour and the open one."),
    "range_24h": ("log", "log(high / low) over 96 quarters of an hour and the open one."),
    "hour_sin": ("1", "Sine of the time of day, UTC."),
    "hour_cos": ("1", "Cosine of the time of day, UTC."),
    "weekday": ("day", "0 for Sunday to 6 for Saturday, UTC."),
    "weekend": ("1", "1 on Saturdays and Sundays, UTC, else 0."),
}
"""Unit and description by name."""


class Indicators:
    """The indicators of one symbol and the realized variance of its last minutes. It keeps 1440 returns and 96 quarters.

    >>> indicators = Indicators()
    >>> for minute, log_return in enumerate((None, 0.01, -0.02)):
    ...     indicators.push(minute, 101.0, 99.0, 5e4, log_return)
    >>> round(indicators.realized_variance(60), 6), round(indicators.values()["return_1h"], 6)
    (0.0005, -0.01)
    """

    def __init__(self) -> None:
        self._returns: Floats = np.zeros(2 * DAY_MINUTES)
        self._end = 0
        self._seen = 0
        self._quarters: Floats = np.zeros((_QUARTERS, 4))
        self._closed = 0
        self._open = list(_NO_QUARTER)
        self._minute = 0

    def push(self, minute: int, high: float, low: float, volume: float, log_return: float | None) -> None:
        """Add a candle: its opening in minutes since 1970-01-01 UTC, high, low, volume in the quote currency, and log return.

        `log_return` is None if the minute before is missing.
        """
        self._minute = minute
        o = self._open
        o[_HIGH] = max(o[_HIGH], high)
        o[_LOW] = min(o[_LOW], low)
        o[_VOLUME] += volume
        o[_MINUTES] += 1.0
        if o[_MINUTES] == QUARTER_MINUTES:
            self._quarters[self._closed % _QUARTERS] = o
            self._closed += 1
            self._open = list(_NO_QUARTER)
        if log_return is not None:
            self._push_return(log_return)

    def _push_return(self, log_return: float) -> None:
        if self._end == len(self._returns):
            self._returns[:DAY_MINUTES] = self._returns[DAY_MINUTES:]
            self._end = DAY_MINUTES
        self._returns[self._end] = log_return
        self._end += 1
        self._seen = min(self._seen + 1, DAY_MINUTES)

    def returns(self, minutes: int) -> Floats:
        """Return a view of the last `minutes` log returns, oldest first; fewer if there are not so many, and at most a day."""
        return self._returns[self._end - min(minutes, self._seen) : self._end]

    def realized_variance(self, minutes: int) -> float:
        """Return the sum of the last `minutes` squared log returns, at most a day of them."""
        r = self.returns(minutes)
        return float(r.dot(r.copy()))  # the oldest BLAS kernels round by the address of the last array

    def values(self) -> dict[str, float]:
        """Return all `INDICATORS` by name; those that are not known yet are 0."""
        day, hour = self.returns(DAY_MINUTES), self.returns(_HOUR)
        std_day = _std(day)
        last = self._last_quarters(_QUARTERS)
        recent, before = (
            last[-(_HOUR // QUARTER_MINUTES + 1) :],
            last[-2 * _HOUR // QUARTER_MINUTES - 1 : -(_HOUR // QUARTER_MINUTES + 1)],
        )
        volume_hour, volume_day, volume_before = (_mean_volume(quarters) for quarters in (recent, last, before))
        angle = 2 * pi * (self._minute % DAY_MINUTES) / DAY_MINUTES
        hour_return, four_hours_return = float(hour.sum()), float(self.returns(_FOUR_HOURS).sum())
        values = (
            hour_return,
            four_hours_return,
            float(day.sum()),
            _over(hour_return, std_day * sqrt(_HOUR)),
            _over(four_hours_return, std_day * sqrt(_FOUR_HOURS)),
            volume_hour,
            volume_day,
            _log_ratio(volume_hour, volume_before),
            _log_ratio(volume_hour, volume_day),
            _std(hour),
            std_day,
            _log_ratio(float(recent[:, _HIGH].max(initial=0.0)), float(recent[:, _LOW].min(initial=inf))),
            _log_ratio(float(last[:, _HIGH].max(initial=0.0)), float(last[:, _LOW].min(initial=inf))),
            sin(angle),
            cos(angle),
            float(day_of_week(self._minute)),
            float(is_weekend(self._minute)),
        )
        return dict(zip(INDICATORS, values, strict=True))

    def _last_quarters(self, count: int) -> Floats:
        """Return the last closed quarters, at most `count`, oldest first, and the open one if it has minutes."""
        kept = min(self._closed, count)
        order = np.arange(self._closed - kept, self._closed) % _QUARTERS
        rows = np.vstack((self._quarters[order], self._open))
        return rows if self._open[_MINUTES] else rows[:-1]

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays."""
        return {
            "returns": self.returns(DAY_MINUTES).tobytes(),
            "quarters": self._quarters.tobytes(),
            "closed": self._closed,
            "open": list(self._open) if self._open[_MINUTES] else [],
            "minute": self._minute,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        returns = np.frombuffer(state["returns"], np.float64)
        self._seen = self._end = len(returns)
        self._returns = np.zeros(2 * DAY_MINUTES)
        self._returns[: self._end] = returns
        self._quarters = np.frombuffer(state["quarters"], np.float64).reshape(self._quarters.shape).copy()
        self._open = [float(value) for value in state["open"]] or list(_NO_QUARTER)
        self._closed, self._minute = int(state["closed"]), int(state["minute"])


def _std(returns: Floats) -> float:
    return float(returns.std()) if len(returns) else 0.0


def _mean_volume(quarters: Floats) -> float:
    return _over(float(quarters[:, _VOLUME].sum()), float(quarters[:, _MINUTES].sum()))


def _over(value: float, by: float) -> float:
    return value / by if by > 0 else 0.0


def _log_ratio(a: float, b: float) -> float:
    return log(a / b) if a > 0 and 0 < b < inf else 0.0
