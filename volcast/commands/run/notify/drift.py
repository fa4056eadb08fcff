"""The drift alarms of a signal as conditions: what happened, what it means, what to do. Pure.

A cause silences what follows from it, as in monitoring/alertmanager.yml: while the candles of a symbol are broken, nothing is
said about its forecast. What is silenced is left out: neither its beginning nor its end is told before it is known again.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.types import Signal

from .events import Condition, NoticeTier


class DriftText(NamedTuple):
    """What is said of the alarms of a detector."""

    kind: str
    """In a few words, for the title."""
    advice: str
    """What it means, and what to do."""
    over: str
    """What is true at its end, after the symbol."""


_WAIT = "Do not trade on this forecast until it is over"
DRIFT_TEXTS: Mapping[str, DriftText] = {
    "forecast_still": DriftText("forecast stands still", f"The forecast is an old number. {_WAIT}.", "the forecast moves again"),
    "forecast_shifted": DriftText(
        "forecast suddenly wrong",
        f"It is too high or too low. {_WAIT}; in a quiet market it may be harmless.",
        "the forecast is right again, or a week has passed",
    ),
    "skill_lost": DriftText(
        "forecast worse than an average",
        "A plain average of past volatility does better. Size no position by this forecast, and try another model.",
        "the forecast beats the plain average again",
    ),
    "price_frozen": DriftText(
        "price frozen",
        "The market is halted, or the feed is broken. Compare with the venue, and do not trade on the forecast.",
        "the price moves again",
    ),
    "candle_repeated": DriftText(
        "feed repeats a candle",
        "The feed is broken: do not trade on the forecast. Restart, or change the venue.",
        "other candles come again",
    ),
    "forecast_biased": DriftText(
        "forecast too high or too low",
        "The median is off; it corrects itself within days. Look at the bounds until then.",
        "outcomes lie on both sides of the median again",
    ),
    "forecast_miscalibrated": DriftText(
        "intervals too narrow or too wide",
        "The forecast itself may be right. Take limits from a wider interval if it is too narrow.",
        "outcomes are spread as the forecast says again",
    ),
    "candles_missing": DriftText(
        "too many candles missing",
        "After an outage it ends within a day; else look at the feed.",
        "few candles of the last day are missing",
    ),
    "prices_suspect": DriftText(
        "impossible prices", "The forecast ignores them. Compare with another venue.", "prices are plausible again"
    ),
    "volume_collapsed": DriftText(
        "volume collapsed",
        "Trading is nearly halted, or the feed loses trades. Compare with the venue.",
        "the volume is back, or its low level is the usual one now",
    ),
    "inputs_moved": DriftText(
        "inputs unusual", "The market is unusual; the forecast adapts. Nothing to do.", "inputs are usual again"
    ),
}
_OF_FORECAST = {"forecast_still", "forecast_shifted", "skill_lost", "forecast_biased", "forecast_miscalibrated", "inputs_moved"}
_SILENCED_BY = {
    "price_frozen": {*_OF_FORECAST, "volume_collapsed"},
    "candle_repeated": {*_OF_FORECAST, "volume_collapsed"},
    "forecast_still": {"skill_lost", "forecast_biased", "forecast_miscalibrated"},
    "forecast_shifted": {"skill_lost", "forecast_biased", "forecast_miscalibrated"},
    "skill_lost": {"forecast_biased", "forecast_miscalibrated"},
}


def drift_conditions(signal: Signal) -> Iterator[Condition]:
    """Yield a condition for each detector that no cause silences: whether its alarm is on after this signal."""
    on = {alarm.detector: alarm for alarm in signal.drift_alarms}
    silenced = {name for cause in on for name in _SILENCED_BY.get(cause, ())}
    for detector, tier in _detectors():
        if detector not in silenced:
            text, alarm = DRIFT_TEXTS[detector], on.get(detector)
            details = _details(signal.symbol, alarm, text) if alarm else f"{signal.symbol}: {text.over}."
            key = f"drift/{signal.symbol}/{detector}"
            yield Condition(key, NoticeTier(tier.value), text.kind, alarm is not None, signal.symbol, details)


@cache
def _detectors() -> tuple[tuple[str, Tier], ...]:
    return tuple((each.name, each.tier) for each in DriftMonitor().detectors)


def _details(symbol: str, alarm: DriftAlarm, text: DriftText) -> str:
    since = datetime.fromtimestamp(alarm.open_time_ms / 1_000, UTC)
    numbers = f"{alarm.quantity}: {alarm.before:.3g}, {alarm.after:.3g}"
    where = f"docs/runbook.md#{alarm.detector.replace('_', '')}, /drift/{symbol}"
    return f"{symbol}: {alarm.what} Since {since:%Y-%m-%d %H:%M} UTC; {numbers}. {text.advice} See {where}."
