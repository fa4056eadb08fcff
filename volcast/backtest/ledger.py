"""Collects the signals of one pass into the arrays that `compare` needs: each model's forecasts, and what happened after them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from volcast.core.arrays import Floats
from volcast.core.forecast.forecaster import Predictions
from volcast.core.forecast.learner import Prediction
from volcast.core.types import MINUTE_MS, Signal

from .tracks import Track, Truth

_COLUMNS = Prediction._fields
_BLOCK = 100_000
"""The number of windows that are summed at once."""


class Ledger:
    """The forecasts of all models after each candle. `candles` is the maximum; six numbers of each model are kept for each."""

    def __init__(self, candles: int, champion: str, shadows: tuple[str, ...], horizon_minutes: int) -> None:
        self._champion = champion
        self._horizon_minutes = horizon_minutes
        self._count = 0
        self._open_time_ms = np.zeros(candles, np.int64)
        self._close = np.zeros(candles)
        self._predictions: dict[str, Floats] = {name: np.zeros((candles, len(_COLUMNS))) for name in (champion, *shadows)}

    def add(self, signal: Signal, predictions: Predictions) -> None:
        """Add the next candle's signal, and the predictions that all models predictions after it."""
        row = self._count
        self._open_time_ms[row] = signal.open_time_ms
        self._close[row] = signal.close
        self._predictions[self._champion][row] = predictions.horizons[self._horizon_minutes]
        for name, prediction in predictions.shadows.items():
            self._predictions[name][row] = prediction
        self._count += 1

    def truth(self) -> Truth:
        """Return what happened after each candle that was added."""
        return truth(self._open_time_ms[: self._count], self._close[: self._count], self._horizon_minutes)

    def tracks(self) -> list[Track]:
        """Return each model's forecasts, the champion's first."""
        return [
            Track(name=name, **{column: rows[: self._count, i] for i, column in enumerate(_COLUMNS)})
            for name, rows in self._predictions.items()
        ]


def truth(open_time_ms: NDArray[np.int64], close: Floats, horizon_minutes: int) -> Truth:
    """Return realized variance and log return over the horizon after each candle, from closes (n,) in order of time.

    They are NaN where a minute of the horizon is missing or still to come.

    >>> found = truth(np.array([0, 60_000, 120_000, 240_000]), np.array([1.0, 2.0, 2.0, 1.0]), 1)
    >>> [round(value, 3) for value in found.log_return.tolist()]
    [0.693, 0.0, nan, nan]
    """
    n, h = len(close), horizon_minutes
    variance, log_return = np.full((2, n), np.nan)
    if n > h:
        squares = sliding_window_view(np.log(close[1:] / close[:-1]) ** 2, h)
        for at in range(0, len(squares), _BLOCK):
            sums = squares[at : at + _BLOCK].sum(axis=1)
            variance[at : at + len(sums)] = sums
        log_return[: n - h] = np.log(close[h:] / close[:-h])
        broken = np.flatnonzero(open_time_ms[h:] - open_time_ms[:-h] != h * MINUTE_MS)
        variance[broken] = log_return[broken] = np.nan
    return Truth(open_time_ms=open_time_ms, close=close, realized_variance=variance, log_return=log_return, horizon_minutes=h)
