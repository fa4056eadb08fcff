"""What the drift detectors see of a minute: the candle, the forecast made after it, and the outcome that came due with it."""

from math import log
from typing import NamedTuple

from volcast.core.arrays import Floats
from volcast.core.market.releases import release_weight
from volcast.core.market.state import Market
from volcast.core.types import MINUTE_MS, Candle, Signal


class Observation(NamedTuple):
    """One minute of one symbol. Log variances are those of the whole horizon."""

    minute: int
    """Opening of the candle, in minutes since 1970-01-01 UTC."""
    horizon_minutes: int
    interval_level: float
    prices: tuple[float, float, float, float]
    """Open, high, low and close of the candle."""
    volume: float
    """In the quote currency."""
    warm: bool
    suspect: bool
    missing_share: float
    log_variance: float
    """Log of the forecast variance."""
    volatility_median: float
    volatility_lower: float
    volatility_upper: float
    log_reference: float
    """A log variance that needs no regression: EWMA baseline and level of the last day, with the usual effect of the time."""
    release_weight: float
    """The weight of scheduled economic news within the horizon: forecasts rise and fall with it in one minute."""
    outcome: tuple[float, float, float] | None
    """Log variances of the outcome that came due, if the price moved: realized, forecast, and the baseline's forecast."""
    features: Floats | None
    """(len(FEATURE_NAMES),) at the end of each hour, else None."""


def observe(signal: Signal, candle: Candle, market: Market, seasonal_effect: float) -> Observation:
    """Return what the detectors see of a candle.

    `signal` is the engine's answer to it, `market` the market after it, and `seasonal_effect` what the time adds to the log
    volatility of the next horizon. Under the engine's own path nothing else is needed.
    """
    minute, horizon, due = candle.open_time_ms // MINUTE_MS, signal.horizon_minutes, signal.outcome
    log_horizon = log(horizon)
    reference = 0.5 * (log(market.ewma) + 2 * market.state.level) + log_horizon + 2 * seasonal_effect
    outcome = None
    if due is not None and due.realized_volatility > 0.0:
        outcome = (2 * log(due.realized_volatility), 2 * log(due.volatility), 2 * log(due.volatility_ewma))
    return Observation(
        minute,
        horizon,
        signal.interval_level,
        (candle.open, candle.high, candle.low, candle.close),
        candle.quote_volume,
        signal.warm,
        signal.suspect,
        signal.missing_share,
        2 * log(signal.volatility),
        signal.volatility_median,
        signal.volatility_lower,
        signal.volatility_upper,
        reference,
        release_weight(minute, horizon),
        outcome,
        market.state.vector if is_hour_end(minute) else None,
    )


def is_hour_end(minute: int) -> bool:
    """Return whether the candle is the last of an hour, UTC.

    >>> is_hour_end(59), is_hour_end(60)
    (True, False)
    """
    return minute % 60 == 59  # noqa: PLR2004  minutes of an hour
