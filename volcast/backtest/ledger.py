"""Collects the signals of one pass into the arrays that `compare` needs: each model's forecasts, and what happened after them."""

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from volcast.core.arrays import Floats
from volcast.core.forecast.forecaster import Predictions
from volcast.core.forecast.learner import Prediction
from volcast.core.market.clock import HOUR_MINUTES
from volcast.core.market.price_check import MAX_RETURN, MAX_SUSPECT_MINUTES
from volcast.core.types import MINUTE_MS, Signal

from .evaluation.distribution.forecasts import FAMILIES, HorizonQuantiles, quantile_row
from .tracks import Track, Truth

PREDICTION_COLUMNS = Prediction._fields
PRICE_COLUMNS = ("high", "low", "close")
_CLOSE = PRICE_COLUMNS.index("close")
_BLOCK = 100_000
"""The number of windows that are summed at once."""


class Ledger:
    """The forecasts of all models after each candle, six numbers for each model and candle, and quantiles after some.

    Args:
        candles: The largest number of candles; the arrays have this size from the beginning.
        champion: Its forecasts for all `horizons` are kept.
        shadows: The other models, whose forecasts are for the first horizon.
        horizons: In minutes, in the order of the engine's settings.
        quantiles_every: The champion's quantiles for all horizons are kept after the last candle before each full so many
            minutes, counted from 1970: by default those that are scored.
    """

    def __init__(
        self,
        candles: int,
        champion: str,
        shadows: Sequence[str],
        horizons: Sequence[int],
        quantiles_every: int | None = None,
    ) -> None:
        self.count = 0
        """The number of candles that were added."""
        self.keys = ledger_keys(champion, shadows, horizons)
        self._horizons = tuple(horizons)
        self._every = quantiles_every or max(horizons[0], HOUR_MINUTES)
        self._open_time_ms = np.zeros(candles, np.int64)
        self._prices = np.zeros((candles, len(PRICE_COLUMNS)))
        self._predictions = {key: np.zeros((candles, len(PREDICTION_COLUMNS))) for key in self.keys}
        self._of_champion = [(horizon, self._predictions[champion, horizon]) for horizon in horizons]
        self._of_shadows = {name: self._predictions[name, horizons[0]] for name in shadows}
        self._levels: tuple[float, ...] = ()
        self._quantile_times, self._quantiles = array("q"), array("d")

    def add(self, signal: Signal, predictions: Predictions, prices: tuple[float, float, float, float]) -> None:
        """Add the next candle's signal, the predictions of all models after it, and its prices as the engine trusts them.

        The candle's own prices may be a bad tick, which is no outcome: no forecast can be judged by it.
        """
        row = self.count
        self._open_time_ms[row] = signal.open_time_ms
        self._prices[row] = prices[1:]
        for horizon, rows in self._of_champion:
            rows[row] = predictions.horizons[horizon]
        for name, rows in self._of_shadows.items():
            rows[row] = predictions.shadows[name]
        if signal.open_time_ms // MINUTE_MS % self._every == self._every - 1:
            self._add_quantiles(signal)
        self.count += 1

    def _add_quantiles(self, signal: Signal) -> None:
        self._levels = signal.quantiles.levels
        self._quantile_times.append(signal.open_time_ms)
        for quantiles in (signal.quantiles, *(other.quantiles for other in signal.other_horizons)):
            for family in quantile_row(quantiles):
                self._quantiles.extend(family)

    def columns(self) -> tuple[NDArray[np.int64], Floats, list[Floats]]:
        """Return open times (n,), prices (n, 3), and for each key predictions (n, 6), as views; n is the count."""
        n = self.count
        return self._open_time_ms[:n], self._prices[:n], [self._predictions[key][:n] for key in self.keys]

    def quantiles(self) -> HorizonQuantiles:
        """Return the champion's quantiles for all horizons, at the candles after which they were kept."""
        shape = (len(self._quantile_times), len(self._horizons), len(FAMILIES), len(self._levels))
        return HorizonQuantiles(self._levels, np.array(self._quantile_times, np.int64), np.array(self._quantiles).reshape(shape))

    def truth(self) -> Truth:
        """Return what happened after each candle that was added."""
        open_time_ms, prices, _ = self.columns()
        return truth(open_time_ms, prices, self._horizons[0])

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


def truth(open_time_ms: NDArray[np.int64], prices: Floats, horizon_minutes: int) -> Truth:
    """Return what happened over the horizon after each candle, from prices (n, 3): high, low and close, in order of time.

    All of it is NaN where a minute of the horizon is missing or still to come, and where within the horizon the price has got
    another scale (`PriceCheck`), which is no return. The closes of the result are in the scale of the first.

    >>> found = truth(np.array([0, 60_000, 120_000, 240_000]), np.array([[2, 1, 1], [3, 1, 2], [2, 2, 2], [1, 1, 1.0]]), 1)
    >>> [round(value, 3) for value in found.log_return.tolist()], [round(value, 3) for value in found.log_high.tolist()]
    ([0.693, 0.0, nan, nan], [1.099, 0.0, nan, nan])
    """
    n, h = len(prices), horizon_minutes
    variance, log_return, log_high, log_low = outcomes = np.full((4, n), np.nan)
    prices, rescaled = _in_one_scale(open_time_ms, prices)
    high, low, close = prices.T
    if n > h:
        squares = sliding_window_view(np.log(close[1:] / close[:-1]) ** 2, h)
        for at in range(0, len(squares), _BLOCK):
            sums = squares[at : at + _BLOCK].sum(axis=1)
            variance[at : at + len(sums)] = sums
        log_return[: n - h] = np.log(close[h:] / close[:-h])
        log_high[: n - h] = np.log(_over_windows(high[1:], h, np.maximum) / close[:-h])
        log_low[: n - h] = np.log(_over_windows(low[1:], h, np.minimum) / close[:-h])
        outcomes[:, np.flatnonzero(open_time_ms[h:] - open_time_ms[:-h] != h * MINUTE_MS)] = np.nan
    for place in rescaled:
        outcomes[:, max(place - h, 0) : place] = np.nan
    return Truth(
        open_time_ms=open_time_ms,
        close=close,
        realized_variance=variance,
        log_return=log_return,
        log_high=log_high,
        log_low=log_low,
        horizon_minutes=h,
    )


def _over_windows(values: Floats, length: int, larger: np.ufunc) -> Floats:
    """Return the maximum (or minimum) of each window of a length: of windows that double, and then of two that overlap."""
    width, found = 1, values
    while 2 * width <= length:
        found = larger(found[:-width], found[width:])
        width *= 2
    return np.asarray(larger(found[: values.size - length + 1], found[length - width :]))


def _in_one_scale(open_time_ms: NDArray[np.int64], prices: Floats) -> tuple[Floats, list[int]]:
    """Return the prices (n, 3) in the scale of the first, and the indices of the candles with which another scale begins."""
    close = prices[:, _CLOSE]
    near = np.diff(open_time_ms) <= (MAX_SUSPECT_MINUTES + 1) * MINUTE_MS
    places = 1 + np.flatnonzero(near & (np.abs(np.log(close[1:] / close[:-1])) > MAX_RETURN))
    if not places.size:
        return prices, []
    prices = prices.copy()
    close = prices[:, _CLOSE]
    for place in places.tolist():
        prices[place:] *= close[place - 1] / close[place]
    return prices, places.tolist()
