"""How large a position may be by a volatility forecast, and where its stop lies. Copy this file beside a bot; it imports nothing.

    stop distance = 1 - exp(5 % quantile of log(lowest low of the horizon / close))
    value         = equity × risk / stop distance, at most max_share × equity

If the forecast is right, such a stop is touched in one of twenty horizons. It then costs `risk` of the equity, and fees and
slippage on top: after a gap a stop fills where the price is, not where the stop was. Nothing here says where the price goes, so
nothing here makes a profit. What it does is keep the loss at the stop about the same in calm and in wild hours, and **stand
down**: without a forecast that is known to be good, the position is 0 and `reason` says why.
"""

from datetime import datetime
from math import exp, inf, isfinite, nan
from typing import Any, NamedTuple

STOP_LEVEL = 0.05
"""The stop lies at this quantile of the lowest low."""
CLOCK_TOLERANCE_MS = 1_000
"""Two clocks may differ by this much."""


class Rules(NamedTuple):
    """What a bot may risk. All are shares: 0.01 is 1 %."""

    risk: float = 0.001
    """Of the equity, lost if the stop is touched, before fees and slippage."""
    max_share: float = 0.25
    """Of the equity, the largest position: however calm the forecast is."""
    min_stop: float = 0.002
    """Of the price: a closer stop would be touched by the spread, so it is moved this far away."""
    max_stop: float = 0.05
    """Of the price: if the stop would have to be farther away, the bot stands down."""


class Forecast(NamedTuple):
    """What of a forecast a position depends on. Times are in milliseconds since 1970-01-01 UTC."""

    log_low: float
    """The `STOP_LEVEL` quantile of log(lowest low of the horizon / close); NaN if the forecast has none at this level."""
    made_at_ms: int
    """The end of the candle's minute."""
    valid_until_ms: int | None
    """From then on it must not be used; None: not even now."""
    horizon_end_ms: int
    """Until then it says something about the price; a position by it is closed then, or sized anew."""
    warm: bool
    """Whether enough has been learned."""
    alarms: tuple[str, ...] = ()
    """Drift alarms that call for a person (tier `page`)."""


class Position(NamedTuple):
    """What may be bought: `value` in the currency of the equity, 0 if the bot stands down, and why."""

    value: float
    stop_distance: float
    """Of the price, below the entry; 0 with a value of 0."""
    reason: str


def forecast_of(answer: Any) -> Forecast:
    """Return what counts of a forecast: of `volcast.client.Client.latest`, or of `volcast.Forecaster`."""
    of_api = hasattr(answer, "timestamp")
    begin, quantiles = (answer.timestamp, answer.quantiles) if of_api else (answer.open_time, answer.record.quantiles)
    lows = dict(zip(quantiles.levels, quantiles.log_low, strict=True))
    return Forecast(
        log_low=lows.get(STOP_LEVEL, nan),
        made_at_ms=_milliseconds(begin) + 60_000,
        valid_until_ms=answer.valid_until and _milliseconds(answer.valid_until),
        horizon_end_ms=_milliseconds(answer.horizon_end),
        warm=answer.warm,
        alarms=tuple(alarm.detector for alarm in answer.drift_alarms if alarm.tier == "page"),
    )


def size(equity: float, forecast: Forecast | None, now_ms: int, rules: Rules = Rules()) -> Position:  # noqa: B008  # immutable
    """Return the largest position that the rules allow at a time.

    Args:
        equity: What the account is worth, in the quote currency.
        forecast: The latest one; None if there is none, as when the API cannot be reached.
        now_ms: The time of the decision, in milliseconds since 1970-01-01 UTC: the clock's, or the candle's in a backtest.
        rules: The bot's limits. Raises ValueError if one of them is no share.
    """
    if not all(0.0 < rule < limit for rule, limit in zip(rules, Rules(1.0, inf, 1.0, 1.0), strict=True)):
        raise ValueError(f"the rules have to be shares between 0 and 1, and max_share above 0; got {rules}")
    if forecast is None:
        return Position(0.0, 0.0, "no forecast")
    if reason := reason_to_stand_down(equity, forecast, now_ms):
        return Position(0.0, 0.0, reason)
    distance = max(1.0 - exp(forecast.log_low), rules.min_stop)
    if distance > rules.max_stop:
        return Position(0.0, 0.0, f"the stop would be {distance:.1%} away, more than {rules.max_stop:.1%}")
    return Position(
        min(equity * rules.risk / distance, equity * rules.max_share), distance, f"stop {distance:.2%} below the entry"
    )


def reason_to_stand_down(equity: float, forecast: Forecast, now_ms: int) -> str:
    """Return why no position may be opened, whatever its size; empty if one may."""
    age = f"its candle ended {(now_ms - forecast.made_at_ms) / 60_000:.0f} minutes ago"
    good_quantile = isfinite(forecast.log_low) and forecast.log_low < 0.0
    checks = (
        (forecast.valid_until_ms is None, "the forecast must not be used: it is being restored, or nobody knows its time"),
        # "not earlier" rather than "later": a time that is not a number is neither.
        (not now_ms < (forecast.valid_until_ms or 0), f"the forecast is stale: {age}"),
        (not now_ms < forecast.horizon_end_ms, f"the horizon of the forecast is over: {age}"),
        (not now_ms >= forecast.made_at_ms - CLOCK_TOLERANCE_MS, "the forecast is of the future: a clock is wrong"),
        (not forecast.warm, "the forecaster is not warm yet"),
        (bool(forecast.alarms), f"drift alarm: {', '.join(forecast.alarms)}"),
        (not good_quantile, f"the forecast says nothing of the lowest low at {STOP_LEVEL:.0%}: {forecast.log_low}"),
        (not (isfinite(equity) and equity > 0.0), f"no equity: {equity}"),
    )
    return next((reason for applies, reason in checks if applies), "")


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
