"""The API's metrics, made from the view at each scrape: nothing is set twice, and no old value is left behind.

Each number of a signal is `volcast_<field>{symbol="…"}`, and each number of its outcome is `volcast_outcome_<field>`. Those of
another horizon are `volcast_horizon_<field>{symbol="…",horizon_minutes="…"}` and `volcast_horizon_outcome_<field>`. Those of a
challenger are `volcast_shadow_<field>{symbol="…",model="…"}`. A number that a signal does not have has no sample.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from volcast.core.types import HorizonForecast, Outcome, Shadow, Signal

from .fields import field_descriptions, numeric_fields
from .view import Status, View

_Labels = tuple[str, ...]
_CONTEXTS = {
    "": "",
    "outcome_": "Of the forecast that came due: ",
    "horizon_": "For another horizon: ",
    "horizon_outcome_": "Of the forecast for another horizon that came due: ",
    "shadow_": "Of a challenger: ",
}
"""By the prefix of a metric's name: what its description begins with."""


class ViewCollector(Collector):
    """The latest signal of each symbol as gauges. `now` is the clock by which the view notes arrivals."""

    def __init__(self, view: View, now: Callable[[], float] = time.monotonic) -> None:
        self._view, self._now = view, now

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; Prometheus' registry calls this at each scrape."""
        now_s = self._now()
        latests = {symbol: latest for symbol in self._view.symbols if (latest := self._view.get(symbol))}
        yield from _of_signals([latest.signal for latest in latests.values()])
        open_times: dict[_Labels, float] = {(symbol,): latest.signal.open_time_ms / 1_000 for symbol, latest in latests.items()}
        yield _gauge("volcast_timestamp_seconds", "Start of the candle's minute, in seconds since 1970.", ["symbol"], open_times)
        ages: dict[_Labels, float] = {(symbol,): now_s - latest.arrived_s for symbol, latest in latests.items()}
        yield _gauge("volcast_age_seconds", "Time since the API received the signal.", ["symbol"], ages)
        current = {symbol: self._view.status(latest, now_s) for symbol, latest in latests.items()}
        statuses: dict[_Labels, float] = {
            (symbol, each.value): each is status for symbol, status in current.items() for each in Status
        }
        yield _gauge(
            "volcast_status", "1 for the current status of the symbol, 0 for the others.", ["symbol", "status"], statuses
        )
        caught_up = "1 once the API has read every signal that was on the log when it started, else 0."
        yield GaugeMetricFamily("volcast_api_caught_up", caught_up, float(self._view.caught_up))
        yield CounterMetricFamily("volcast_api_signals", "Signals that the API has read from the log.", self._view.signals)


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


def _gauges(prefix: str, struct: type[Struct], labels: list[str], values: Mapping[_Labels, Struct]) -> Iterator[Metric]:
    """Yield a gauge for each numeric field of `struct` that is not a label."""
    descriptions = field_descriptions(struct)
    for name in numeric_fields(struct):
        if name not in labels:
            samples = {each: getattr(one, name) for each, one in values.items()}
            yield _gauge(f"volcast_{prefix}{name}", _metric_description(prefix, descriptions[name]), labels, samples)


def _metric_description(prefix: str, field_description: str) -> str:
    """Return a field's description in the words of a metric, which has no null and shows a truth value as a number.

    >>> _metric_description("shadow_", "Whether it rains; null if unknown.")
    'Of a challenger: 1 if it rains, else 0.'
    """
    text, has_null, _ = field_description.partition("; null")
    text += "." if has_null else ""
    if text.startswith("Whether "):
        text = f"1 if {text.removeprefix('Whether ').removesuffix('.')}, else 0."
    if _CONTEXTS[prefix] and text[1].islower():
        text = text[0].lower() + text[1:]
    return _CONTEXTS[prefix] + text


def _gauge(name: str, description: str, labels: list[str], samples: Mapping[_Labels, float | None]) -> Metric:
    gauge = GaugeMetricFamily(name, description, labels=labels)
    for each, value in samples.items():
        if value is not None:
            gauge.add_metric(each, float(value))
    return gauge
