"""Collects the signals of one pass into the arrays that `compare` needs: each model's forecasts, and what happened after them."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from volcast.core.arrays import Floats
from volcast.core.forecast.forecaster import Predictions
from volcast.core.forecast.learner import Prediction
from volcast.core.market.price_check import MAX_RETURN, MAX_SUSPECT_MINUTES
from volcast.core.types import MINUTE_MS, Signal

from .tracks import Track, Truth

PREDICTION_COLUMNS = Prediction._fields
_BLOCK = 100_000
"""The number of windows that are summed at once."""


class Ledger:
    """The forecasts of all models after each candle, six numbers for each model and candle.

    Args:
        candles: The largest number of candles; the arrays have this size from the beginning.
        champion: Its forecasts for all `horizons` are kept.
        shadows: The other models, whose forecasts are for the first horizon.
        horizons: In minutes, in the order of the engine's settings.
    """

    def __init__(self, candles: int, champion: str, shadows: Sequence[str], horizons: Sequence[int]) -> None:
        self.count = 0
        """The number of candles that were added."""
        self.keys = ledger_keys(champion, shadows, horizons)
        self._horizons = tuple(horizons)
        self._open_time_ms = np.zeros(candles, np.int64)
        self._close = np.zeros(candles)
        self._predictions = {key: np.zeros((candles, len(PREDICTION_COLUMNS))) for key in self.keys}
        self._of_champion = [(horizon, self._predictions[champion, horizon]) for horizon in horizons]
        self._of_shadows = {name: self._predictions[name, horizons[0]] for name in shadows}

    def add(self, signal: Signal, predictions: Predictions, trusted_close: float) -> None:
        """Add the next candle's signal, the engine's last trusted close, and the predictions of all models after it.

        The signal's own close may be a bad tick, which is no outcome: no forecast can be judged by it.
        """
        row = self.count
        self._open_time_ms[row] = signal.open_time_ms
        self._close[row] = trusted_close
        for horizon, rows in self._of_champion:
            rows[row] = predictions.horizons[horizon]
        for name, rows in self._of_shadows.items():
            rows[row] = predictions.shadows[name]
        self.count += 1

    def columns(self) -> tuple[NDArray[np.int64], Floats, list[Floats]]:
        """Return open times (n,), closes (n,), and for each key predictions (n, 6), as views; n is the count."""
        n = self.count
        return self._open_time_ms[:n], self._close[:n], [self._predictions[key][:n] for key in self.keys]

    def truth(self) -> Truth:
        """Return what happened after each candle that was added."""
        open_time_ms, close, _ = self.columns()
        return truth(open_time_ms, close, self._horizons[0])

    def tracks(self) -> list[Track]:
        """Return each model's forecasts for the first horizon, the champion's first."""
        return [
            track(name, self._predictions[name, horizon][: self.count])
            for name, horizon in self.keys
            if horizon == self._horizons[0]
        ]


def ledger_keys(champion: str, shadows: Sequence[str], horizons: Sequence[int]) -> list[tuple[str, int]]:
    """Return model and horizon of each forecast after a candle: the champion's for all horizons, then those of the shadows."""
    return [*((champion, horizon) for horizon in horizons), *((name, horizons[0]) for name in shadows)]


def track(name: str, predictions: Floats) -> Track:
    """Return a model's track of its predictions (n, 6), without copying them."""
    return Track(name=name, **{column: predictions[:, i] for i, column in enumerate(PREDICTION_COLUMNS)})


def truth(open_time_ms: NDArray[np.int64], close: Floats, horizon_minutes: int) -> Truth:
    """Return realized variance and log return over the horizon after each candle, from closes (n,) in order of time.

    They are NaN where a minute of the horizon is missing or still to come, and where within the horizon the price has got another
    scale (`PriceCheck`), which is no return. The closes of the result are in the scale of the first.

    >>> found = truth(np.array([0, 60_000, 120_000, 240_000]), np.array([1.0, 2.0, 2.0, 1.0]), 1)
    >>> [round(value, 3) for value in found.log_return.tolist()]
    [0.693, 0.0, nan, nan]
    """
    n, h = len(close), horizon_minutes
    variance, log_return = np.full((2, n), np.nan)
    close, rescaled = _in_one_scale(open_time_ms, close)
    if n > h:
        squares = sliding_window_view(np.log(close[1:] / close[:-1]) ** 2, h)
        for at in range(0, len(squares), _BLOCK):
            sums = squares[at : at + _BLOCK].sum(axis=1)
            variance[at : at + len(sums)] = sums
        log_return[: n - h] = np.log(close[h:] / close[:-h])
        broken = np.flatnonzero(open_time_ms[h:] - open_time_ms[:-h] != h * MINUTE_MS)
        variance[broken] = log_return[broken] = np.nan
    for place in rescaled:
        before = slice(max(place - h, 0), place)
        variance[before] = log_return[before] = np.nan
    return Truth(open_time_ms=open_time_ms, close=close, realized_variance=variance, log_return=log_return, horizon_minutes=h)


def _in_one_scale(open_time_ms: NDArray[np.int64], close: Floats) -> tuple[Floats, list[int]]:
    """Return the closes (n,) in the scale of the first, and the indices of the candles with which another scale begins."""
    near = np.diff(open_time_ms) <= (MAX_SUSPECT_MINUTES + 1) * MINUTE_MS
    places = 1 + np.flatnonzero(near & (np.abs(np.log(close[1:] / close[:-1])) > MAX_RETURN))
    if not places.size:
        return close, []
    close = close.copy()
    for place in places.tolist():
        close[place:] *= close[place - 1] / close[place]
    return close, places.tolist()
