"""Gauges from a Collector that reads the view at the scrape: nothing is set twice, nothing stale is left behind.

Each number of a signal is `volcast_<field>{symbol="…"}`, those of its outcome `volcast_outcome_<field>`; of a further horizon
`volcast_horizon_<field>{symbol="…",horizon_minutes="…"}` and `volcast_horizon_outcome_<field>`; of a challenger
`volcast_shadow_<field>{symbol="…",model="…"}`. What a signal does not have, has no sample.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import get_args, get_type_hints

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from volcast.core.types import HorizonForecast, Outcome, Shadow, Signal

from .view import Status, View

_Labels = tuple[str, ...]
_NUMBERS = (int, float, bool)
_SENTENCES = {
    "live": "1 where the candle came from a venue, 0 where from a replay.",
    "close": "The candle's close.",
    "rolling_mean": "Mean of the last W closes, this one included.",
    "signal": "1 where close > rolling_mean, else 0.",
    "signal_rate": "Share of ones since the start.",
    "signal_rate_window": "Share of ones among the last rate_window signals.",
    "horizon_minutes": "H, the minutes that the forecast is about.",
    "interval_level": "Probability of the intervals.",
    "volatility": "Forecast for the next H minutes: root of the expected sum of squared one-minute log returns.",
    "volatility_median": "As likely to be exceeded by the realized volatility as not.",
    "volatility_lower": "The realized volatility will lie from here to volatility_upper, with the probability interval_level.",
    "volatility_upper": "The upper end of the realized volatility's interval.",
    "volatility_annualized": "volatility × √(525600 / H).",
    "volatility_annualized_deseasonalized": "The same without what the time of day and week adds.",
    "price_lower": "The close after H minutes will lie from here to price_upper, with the probability interval_level.",
    "price_upper": "The upper end of the price's interval.",
    "noise_ratio": "Volatility by one-minute over that by five-minute returns, of late: above 1 where the price bounces.",
    "warm": "1 once the rolling mean is full and the forecaster has learned from a day of outcomes.",
    "candles": "Candles accepted since the start of the log.",
    "signal_ones": "Signals of 1 since the start of the log.",
    "gaps": "Times that minutes were missing.",
    "missing_minutes": "Minutes missing, all gaps together.",
    "outcomes": "Forecasts answered since the start of the log.",
    "outcome_realized_volatility": "Of the H minutes whose forecast came due with this candle.",
    "outcome_volatility": "What had been forecast for them.",
    "outcome_volatility_ewma": "What the baseline, EWMA(0.995), had forecast for them.",
    "outcome_qlike": "QLIKE loss of that forecast; 0 is perfect.",
    "outcome_qlike_ewma": "QLIKE loss of the baseline's.",
    "outcome_covered": "1 where the realized volatility lay within the forecast's interval.",
    "outcome_price_covered": "1 where the price lay within the forecast's interval.",
    "shadow_volatility": "A challenger's forecast for the next H minutes.",
    "shadow_qlike": "QLIKE loss of the challenger's forecast that came due; compare with volcast_outcome_qlike.",
    "shadow_covered": "1 where the realized volatility lay within the challenger's interval.",
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
        yield from _of_signals([latest.signal for latest in latests.values()])
        opened: dict[_Labels, float] = {(symbol,): latest.signal.open_time_ms / 1_000 for symbol, latest in latests.items()}
        yield _gauge("volcast_timestamp_seconds", "The candle's opening, seconds since 1970.", ["symbol"], opened)
        ages: dict[_Labels, float] = {(symbol,): now_s - latest.arrived_s for symbol, latest in latests.items()}
        yield _gauge("volcast_age_seconds", "Since the signal reached the API.", ["symbol"], ages)
        holds = {symbol: self._view.status(latest, now_s) for symbol, latest in latests.items()}
        statuses: dict[_Labels, float] = {
            (symbol, each.value): each is status for symbol, status in holds.items() for each in Status
        }
        yield _gauge("volcast_status", "1 at the status that holds.", ["symbol", "status"], statuses)
        yield GaugeMetricFamily("volcast_api_caught_up", "1 once the log has been read to its end.", float(self._view.caught_up))
        yield CounterMetricFamily("volcast_api_signals", "Signals read from the log.", self._view.signals)


def _of_signals(signals: Sequence[Signal]) -> Iterator[Metric]:
    by_symbol: dict[_Labels, Signal] = {(signal.symbol,): signal for signal in signals}
    yield from _gauges("", Signal, ["symbol"], by_symbol)
    yield from _gauges("outcome_", Outcome, ["symbol"], _outcomes(by_symbol))
    horizons: dict[_Labels, HorizonForecast] = {
        (signal.symbol, str(each.horizon_minutes)): each for signal in signals for each in signal.other_horizons
    }
    yield from _gauges("horizon_", HorizonForecast, ["symbol", "horizon_minutes"], horizons)
    yield from _gauges("horizon_outcome_", Outcome, ["symbol", "horizon_minutes"], _outcomes(horizons))
    shadows: dict[_Labels, Shadow] = {(signal.symbol, each.model): each for signal in signals for each in signal.shadows}
    yield from _gauges("shadow_", Shadow, ["symbol", "model"], shadows)


def _outcomes(forecasts: Mapping[_Labels, Signal | HorizonForecast]) -> dict[_Labels, Outcome]:
    return {labels: forecast.outcome for labels, forecast in forecasts.items() if forecast.outcome}


def _gauges(prefix: str, struct: type[Struct], labels: list[str], found: Mapping[_Labels, Struct]) -> Iterator[Metric]:
    """One for each number of `struct`; what stands in a label is no number."""
    for name in numeric_fields(struct):
        if name not in labels:
            values = {each: getattr(one, name) for each, one in found.items()}
            yield _gauge(f"volcast_{prefix}{name}", _sentence(prefix + name), labels, values)


def _sentence(name: str) -> str:
    of_further = name.startswith("horizon_") and name not in _SENTENCES
    return f"As volcast_{name.removeprefix('horizon_')}, of a further horizon." if of_further else _SENTENCES[name]


def _gauge(name: str, sentence: str, labels: list[str], values: Mapping[_Labels, float | None]) -> Metric:
    gauge = GaugeMetricFamily(name, sentence, labels=labels)
    for each, value in values.items():
        if value is not None:
            gauge.add_metric(each, float(value))
    return gauge
