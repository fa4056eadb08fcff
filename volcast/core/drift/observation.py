"""What the drift detectors see of a minute: the candle, the forecast made after it, and the outcome that came due with it."""

from math import log
from typing import Any, NamedTuple

from msgspec import Struct

from volcast.core.forecast.distribution.quantiles import Quantiles
from volcast.core.forecast.learner import Learner, Prediction, ResolvedForecast
from volcast.core.market.clock import HOUR_MINUTES
from volcast.core.market.releases import release_weight
from volcast.core.market.state import Market
from volcast.core.types import Candle


class HourEnd(NamedTuple):
    """What is read only with the last candle of an hour, UTC."""

    volume: float | None
    """Of the hour, in the quote currency; None if minutes are missing."""
    features: list[float]
    """The features after the candle, in the order of `FEATURE_NAMES`."""
    quantiles: Quantiles
    """Of the forecast made after it, at all levels that its learner tracks."""


class Observation(Struct, gc=False):
    """One minute of one symbol. Log variances are those of the whole horizon."""

    minute: int
    """Opening of the candle, in minutes since 1970-01-01 UTC."""
    horizon_minutes: int
    flat: bool
    """Whether open, high, low and close are the last close."""
    repeated: bool
    """Whether the candle has the prices and the volume of the last one, and the volume is not 0."""
    moved: bool
    """Whether the close is another one than the last."""
    relative_range: float
    """(high - low) / close of the candle."""
    volume: float
    """In the quote currency."""
    warm: bool
    suspect: bool
    missing_share: float
    log_variance: float
    """Log of the forecast variance."""
    log_reference: float
    """A log variance that needs no regression: EWMA baseline and level of the last day, with the usual effect of the time."""
    release_weight: float
    """The weight of scheduled economic news within the horizon: forecasts rise and fall with it in one minute."""
    prediction: Prediction
    outcome: ResolvedForecast | None
    """The forecast that came due, and what came true."""
    hour_end: HourEnd | None


class Observer:
    """Makes an observation of each minute of a symbol. The state is the last candle, and the volume of the hour so far.

    Args:
        horizon_minutes: Of the forecasts.
    """

    def __init__(self, horizon_minutes: int) -> None:
        self._horizon_minutes = horizon_minutes
        self._log_horizon = log(horizon_minutes)
        self._last = (0.0, 0.0, 0.0, 0.0, 0.0)
        self._volume, self._minutes = 0.0, 0

    def observe(
        self,
        candle: Candle,
        market: Market,
        forecast: tuple[Learner, Prediction, float],
        resolved: ResolvedForecast | None,
        trust: tuple[bool, bool, float],
    ) -> Observation:
        """Return what the detectors see of a candle.

        `market` is the market after it, and `forecast` what was forecast then: the learner, its prediction, and what the time
        adds to the log volatility of the next horizon. `resolved` is the forecast that came due with the candle. `trust` has the
        signal's fields warm, suspect and missing_share.
        """
        learner, prediction, seasonal_effect = forecast
        minute, last, horizon_minutes = market.minute, self._last, self._horizon_minutes
        open_, high, low, close, volume = now = (candle.open, candle.high, candle.low, candle.close, candle.quote_volume)
        self._last, last_close = now, last[3]
        warm, suspect, missing_share = trust
        self._volume += volume
        self._minutes += 1
        is_hour_end = minute % HOUR_MINUTES == HOUR_MINUTES - 1
        return Observation(
            minute,
            horizon_minutes,
            high == low == open_ == close == last_close,
            now == last and volume > 0.0,
            close != last_close,
            (high - low) / close,
            volume,
            warm,
            suspect,
            missing_share,
            log(prediction.variance),
            0.5 * log(market.ewma) + market.state.level + self._log_horizon + 2 * seasonal_effect,
            release_weight(minute, horizon_minutes),
            prediction,
            resolved,
            self._hour_end(market, learner.tracked_quantiles) if is_hour_end else None,
        )

    def _hour_end(self, market: Market, quantiles: Quantiles) -> HourEnd:
        volume = self._volume if self._minutes == HOUR_MINUTES else None
        self._volume, self._minutes = 0.0, 0
        return HourEnd(volume, market.state.vector, quantiles)

    def dump(self) -> list[float]:
        """Return the state as plain numbers."""
        return [*self._last, self._volume, float(self._minutes)]

    def load(self, state: list[Any]) -> None:
        """Restore what `dump` returned. Raises TypeError or ValueError if it does not fit."""
        open_, high, low, close, volume, hour_volume, minutes = map(float, state)
        self._last = (open_, high, low, close, volume)
        self._volume, self._minutes = hour_volume, int(minutes)
