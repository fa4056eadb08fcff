"""Compares the first week of a symbol, from the bundled prior alone, with baselines that know all its past, over many starts.

Hours 2 to 24 are compared with the EWMA, days 2 to 7 with log-HAR, both warm, by mean QLIKE over all starts. Starts are spread
evenly over the candles after `from_share`, and over the hours of the day; a prior may have been learned on the candles before.
"""

from typing import NamedTuple

import numpy as np

from volcast.backtest.ledger import truth
from volcast.backtest.scores import qlike_losses
from volcast.core.arrays import Floats
from volcast.core.engine import Engine
from volcast.core.forecast.learner import FLAT_VARIANCE
from volcast.core.types import MINUTE_MS, EngineConfig, Signal

from .baselines import DAY_MINUTES, HOUR_MINUTES, ewma, log_har
from .candles import Minutes

DAYS = 7
_WARM_UP_DAYS = 10
"""The days that log-HAR needs before its first forecast."""
_ODD_MINUTES = 97


class ColdStartLosses(NamedTuple):
    """Mean QLIKE of the new forecaster and of the warm baselines."""

    first_day: float
    first_day_ewma: float
    first_week: float
    first_week_har: float

    @property
    def first_day_ratio(self) -> float:
        return self.first_day / self.first_day_ewma

    @property
    def first_week_ratio(self) -> float:
        return self.first_week / self.first_week_har


def cold_starts(minutes: Minutes, starts: int, from_share: float = 0.4, days: int = DAYS) -> ColdStartLosses:
    """Run `starts` cold starts of `days` days, and return the mean losses. Raises ValueError if there are too few candles."""
    n = len(minutes.close)
    first, last = max(int(n * from_share), _WARM_UP_DAYS * DAY_MINUTES), n - (days + 2) * DAY_MINUTES
    if first >= last:
        raise ValueError(f"{minutes.symbol}: {n} candles are too few for cold starts of {days} days")
    variance = truth(minutes.open_time_ms, minutes.numbers[:, 1:4], HOUR_MINUTES).realized_variance
    squares = minutes.squares()
    baselines = np.column_stack([ewma(squares), log_har(squares, variance)])
    begins = np.linspace(first, last, starts).astype(int) + np.arange(starts) * _ODD_MINUTES % DAY_MINUTES
    day, week = zip(*(_losses(minutes, begin, days, variance, baselines) for begin in begins.tolist()), strict=True)
    of_day, of_week = np.concatenate(day).mean(axis=0), np.concatenate(week).mean(axis=0) if days > 1 else np.full(3, np.nan)
    return ColdStartLosses(of_day[0], of_day[1], of_week[0], of_week[2])


def _losses(minutes: Minutes, begin: int, days: int, variance: Floats, baselines: Floats) -> tuple[Floats, Floats]:
    """Return the losses (hours, 3) of the forecaster and both baselines, in hours 2 to 24 and after them."""
    engine = Engine(minutes.symbol, EngineConfig(), 8)
    rows: tuple[list[Floats], list[Floats]] = ([], [])
    for age, candle in enumerate(minutes.candles(begin, begin + days * DAY_MINUTES)):
        signal = engine.step(candle)
        at = begin + age
        on_the_hour = candle.open_time_ms // MINUTE_MS % HOUR_MINUTES == HOUR_MINUTES - 1
        if on_the_hour and age >= HOUR_MINUTES and isinstance(signal, Signal) and variance[at] > FLAT_VARIANCE:
            forecasts = np.array([signal.volatility**2, *baselines[at]])
            rows[age >= DAY_MINUTES].append(qlike_losses(np.full(3, variance[at]), forecasts))
    return np.array(rows[0]).reshape(-1, 3), np.array(rows[1]).reshape(-1, 3)
