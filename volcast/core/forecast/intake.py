"""Candles on their way into a forecaster, and the forecast after some candles without an engine.

`take_in` is what the engine does with each candle: it notes missing minutes, checks the prices, and tells the forecaster the
return if there is one. `forecast_after` does it for candles that somebody has in hand. Of the forecasts in between it makes only
those that come due within the candles: they are what the models learn from.
"""

from collections.abc import Sequence
from math import log, sqrt
from typing import NamedTuple

from volcast.core.market.price_check import PriceCheck
from volcast.core.timeline import Timeline
from volcast.core.types import MINUTE_MS

from .distribution.quantiles import QUANTILE_LEVELS, Quantiles
from .forecaster import ResolvedForecasts, SymbolForecaster
from .learner import Prediction
from .prior import Prior


class CandleInput(NamedTuple):
    """What a forecaster needs of a candle."""

    open_time_ms: int
    """Beginning of the minute, in milliseconds since 1970-01-01 UTC."""
    open: float
    high: float
    low: float
    close: float
    quote_volume: float
    """Volume in the quote currency."""


class ForecastAfter(NamedTuple):
    """The forecast after the last of some candles. Volatilities and prices mean the same as in `Signal`."""

    prediction: Prediction
    quantiles: Quantiles
    close: float
    """The last close that is not suspect, to which the returns are relative."""
    suspect: bool
    """Whether a price of the last candle is."""
    suspect_candles: int
    outcomes: int
    """Number of forecasts within the candles that came due, and were learned from."""
    gaps: int
    missing_minutes: int
    missing_share: float
    """Share of the minutes of the last day, or of those since the first candle, without a candle."""


def take_in(
    candle: tuple[int, float, float, float, float, float], timeline: Timeline, prices: PriceCheck, forecaster: SymbolForecaster
) -> ResolvedForecasts:
    """Pass a candle, in the order of `CandleInput`, to the forecaster, with its return if there is one.

    A gap or a new scale discards pending forecasts.
    """
    open_time_ms, open_, high, low, close, quote_volume = candle
    close_before = prices.close
    missing = timeline.add(open_time_ms)
    limit = forecaster.market.features.max_move * sqrt(missing + 1)
    checked = prices.push((open_, high, low, close), limit)
    has_return = close_before and not missing and not prices.is_rescaled
    log_return = log(prices.close / close_before) if has_return else None
    return forecaster.observe(open_time_ms // MINUTE_MS, (*checked, quote_volume), log_return)


def forecast_after(
    candles: Sequence[CandleInput],
    horizon_minutes: int = 60,
    level: float = 0.9,
    prior: Prior | None = None,
    quantile_levels: Sequence[float] = QUANTILE_LEVELS,
) -> ForecastAfter:
    """Return what a new engine forecasts after the last of the candles, which are in order and at least one.

    The models start from `prior` and learn within the candles, as an engine's do; the numbers are the same. It takes two thirds
    of an engine's time, as nothing else is computed, and less without quantile levels. Raises ValueError for a horizon out of
    range or without a candle.

    >>> candles = [CandleInput(minute * 60_000, 100.0, 101.0, 99.0, 100.0, 5e4) for minute in range(100)]
    >>> after = forecast_after(candles)
    >>> after.outcomes, after.close, after.prediction.lower < after.prediction.median < after.prediction.upper
    (40, 100.0, True)
    """
    if not candles:
        raise ValueError("at least one candle is expected")
    timeline, prices = Timeline(), PriceCheck()
    forecaster = SymbolForecaster((horizon_minutes,), level, prior=prior, quantile_levels=quantile_levels)
    last_ms = candles[-1].open_time_ms
    due_ms = last_ms - horizon_minutes * MINUTE_MS
    for candle in candles:
        take_in(candle, timeline, prices, forecaster)
        if candle.open_time_ms <= due_ms or candle.open_time_ms == last_ms:
            forecaster.forecast()
    learner = forecaster.main
    return ForecastAfter(
        forecaster.last_predictions.horizons[horizon_minutes],
        learner.quantiles if quantile_levels else Quantiles((), (), (), (), ()),
        prices.close,
        prices.is_suspect,
        prices.candles,
        learner.outcomes,
        timeline.gaps,
        timeline.missing_minutes,
        timeline.missing_share,
    )
