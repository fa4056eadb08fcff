"""From the signals of one pass to what `compare` asks for: the truth after each candle, and each model's forecasts there."""

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
"""Windows summed at once."""


class Ledger:
    """What stood after each candle. `candles` bounds how many may come: six numbers a model are kept of each."""

    def __init__(self, candles: int, champion: str, shadows: tuple[str, ...], horizon_minutes: int) -> None:
        self._champion = champion
        self._horizon_minutes = horizon_minutes
        self._count = 0
        self._open_time_ms = np.zeros(candles, np.int64)
        self._close = np.zeros(candles)
        self._made: dict[str, Floats] = {name: np.zeros((candles, len(_COLUMNS))) for name in (champion, *shadows)}

    def add(self, signal: Signal, made: Predictions) -> None:
        """The next one, with what all models said."""
        at = self._count
        self._open_time_ms[at] = signal.open_time_ms
        self._close[at] = signal.close
        self._made[self._champion][at] = made.horizons[self._horizon_minutes]
        for name, prediction in made.shadows.items():
            self._made[name][at] = prediction
        self._count += 1

    def truth(self) -> Truth:
        """Of the candles that came."""
        return truth(self._open_time_ms[: self._count], self._close[: self._count], self._horizon_minutes)

    def tracks(self) -> list[Track]:
        """The champion first."""
        return [
            Track(name=name, **{column: rows[: self._count, i] for i, column in enumerate(_COLUMNS)})
            for name, rows in self._made.items()
        ]


def truth(open_time_ms: NDArray[np.int64], close: Floats, horizon_minutes: int) -> Truth:
    """From closes (n,) in order of time: realized variance and log return over the horizon after each candle.

    NaN where a minute of the horizon is missing or has not come yet.

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
    return Truth(open_time_ms=open_time_ms, realized_variance=variance, log_return=log_return, horizon_minutes=h)
