"""Forecasts in words, for a terminal or a notebook."""

from typing import TYPE_CHECKING

from volcast.core.forecast.learner import WARM_OUTCOMES

from .forecast import Forecast

if TYPE_CHECKING:
    from .forecaster import Forecaster

_HOUR, _DAY = 60, 1_440
_SHOWN = 5


def describe(forecast: Forecast) -> str:
    """Return a line: the market, what is forecast, and what must be known to use it."""
    when = f"{forecast.symbol} {forecast.open_time:%Y-%m-%d %H:%M} UTC"
    if forecast.waiting:
        return f"{when} · no forecast yet: the candle waits for the next one"
    parts = [f"{when} · close {price_text(forecast.close)}", f"next {span(forecast.horizon_minutes)} ±{forecast.volatility:.2%}"]
    if not forecast.record.suspect:
        low, high, _ = forecast.price_interval()
        parts.append(f"{forecast.record.interval_level:.0%}: {price_text(low)} to {price_text(high)}")
    return " · ".join([*parts, *cautions(forecast)])


def describe_forecaster(forecaster: "Forecaster") -> str:
    """Return a line on what a forecaster has seen."""
    horizons = " and ".join(map(span, forecaster.horizons))
    count = len(forecaster.symbols)
    seen = "no candles yet" if not count else ", ".join(forecaster.symbols[:_SHOWN]) + (", …" if count > _SHOWN else "")
    return f"<Forecaster of the next {horizons} · {seen}>"


def cautions(forecast: Forecast) -> list[str]:
    """Return what must be known before the forecast is used, in a few words each; empty if nothing."""
    record = forecast.record
    found = [] if record.warm else [f"warming up: {forecast.outcomes} outcomes, {WARM_OUTCOMES} are needed"]
    if record.suspect:
        found.append("suspect price: nothing is said about prices")
    found += [f"drift ({alarm.tier.value}): {alarm.what}" for alarm in record.drift_alarms]
    return found


def span(minutes: int) -> str:
    """Return a number of minutes in words.

    >>> span(60), span(240), span(15), span(1440)
    ('hour', '4 hours', '15 minutes', 'day')
    """
    for length, name in ((_DAY, "day"), (_HOUR, "hour")):
        if minutes % length == 0:
            return name if minutes == length else f"{minutes // length} {name}s"
    return f"{minutes} minutes"


def price_text(price: float) -> str:
    """Return a price with about six significant digits, and at least two decimals if it is above 1.

    >>> price_text(43278.13), price_text(0.000012345678)
    ('43278.13', '0.0000123457')
    """
    decimals = 2 if price >= 1_000 else next((n for n in range(3, 15) if price >= 10.0 ** (5 - n)), 15)  # noqa: PLR2004
    return f"{price:.{decimals}f}"
