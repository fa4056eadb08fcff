"""Gauges from a Collector that reads the view at the scrape: nothing is set twice, nothing stale is left behind.

Each number of a signal is `volcast_<field>{symbol="…"}`; those of its outcome `volcast_outcome_<field>`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import get_args, get_type_hints

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from volcast.core.types import Outcome, Signal

from .view import Status, View

_NUMBERS = (int, float, bool)
_SENTENCES = {
    "live": "1 where the candle came from a venue, 0 where from a replay.",
    "close": "The candle's close.",
    "rolling_mean": "Mean of the last W closes, this one included.",
    "signal": "1 where close > rolling_mean, else 0.",
    "signal_rate": "Share of ones since the start.",
    "signal_rate_window": "Share of ones among the last rate_window signals.",
    "volatility": "Forecast for the next hour: root of the expected sum of 60 squared log returns.",
    "volatility_annualized": "The same × √8760.",
    "warm": "1 once the rolling mean is full and the forecaster has learned from a day of outcomes.",
    "candles": "Candles accepted since the start of the log.",
    "ones": "Signals of 1 since the start of the log.",
    "gaps": "Times that minutes were missing.",
    "missing_minutes": "Minutes missing, all gaps together.",
    "outcomes": "Forecasts answered since the start of the log.",
    "outcome_realized_volatility": "Of the hour whose forecast came due with this candle.",
    "outcome_volatility": "What had been forecast for it.",
    "outcome_volatility_ewma": "What the baseline, EWMA(0.995), had forecast for it.",
    "outcome_qlike": "QLIKE loss of that forecast; 0 is perfect.",
    "outcome_qlike_ewma": "QLIKE loss of the baseline's.",
}


def numeric_fields(struct: type[Struct]) -> list[str]:
    """The struct's fields that hold a number, times left out: those are told in seconds."""
    hints = get_type_hints(struct)
    return [name for name, hint in hints.items() if not name.endswith("_ms") and ({hint, *get_args(hint)} & set(_NUMBERS))]


class ViewCollector(Collector):
    """The view's last signals as gauges. `now` is the clock of their arrival."""

    def __init__(self, view: View, now: Callable[[], float] = time.monotonic) -> None:
        self._view, self._now = view, now

    def collect(self) -> Iterator[Metric]:
        """Called at each scrape."""
        now_s = self._now()
        latests = {symbol: latest for symbol in self._view.symbols if (latest := self._view.get(symbol))}
        signals = {symbol: latest.signal for symbol, latest in latests.items()}
        outcomes = {symbol: signal.outcome for symbol, signal in signals.items() if signal.outcome}
        for name in numeric_fields(Signal):
            yield _gauge(
                f"volcast_{name}", _SENTENCES[name], {symbol: getattr(signal, name) for symbol, signal in signals.items()}
            )
        for name in numeric_fields(Outcome):
            values = {symbol: getattr(outcome, name) for symbol, outcome in outcomes.items()}
            yield _gauge(f"volcast_outcome_{name}", _SENTENCES[f"outcome_{name}"], values)
        opened = {symbol: signal.open_time_ms / 1_000 for symbol, signal in signals.items()}
        yield _gauge("volcast_timestamp_seconds", "The candle's opening, seconds since 1970.", opened)
        ages = {symbol: now_s - latest.arrived_s for symbol, latest in latests.items()}
        yield _gauge("volcast_age_seconds", "Since the signal reached the API.", ages)
        status = GaugeMetricFamily("volcast_status", "1 at the status that holds.", labels=["symbol", "status"])
        for symbol, latest in latests.items():
            holds = self._view.status(latest, now_s)
            for each in Status:
                status.add_metric([symbol, each.value], float(each is holds))
        yield status
        yield GaugeMetricFamily("volcast_api_caught_up", "1 once the log has been read to its end.", float(self._view.caught_up))
        yield CounterMetricFamily("volcast_api_signals", "Signals read from the log.", self._view.signals)


def _gauge(name: str, sentence: str, values: Mapping[str, float | None]) -> Metric:
    gauge = GaugeMetricFamily(name, sentence, labels=["symbol"])
    for symbol, value in values.items():
        if value is not None:
            gauge.add_metric([symbol], float(value))
    return gauge
