"""The API's metrics, made from the view at each scrape: nothing is set twice, and no old value is left behind.

Each number of a signal is `volcast_<field>{symbol="…"}`, and each number of its outcome is `volcast_outcome_<field>`. Those of
another horizon are `volcast_horizon_<field>{symbol="…",horizon_minutes="…"}` and `volcast_horizon_outcome_<field>`. Those of a
challenger are `volcast_shadow_<field>{symbol="…",model="…"}`. `model_prediction_value` is the forecast once more, under a name
that general dashboards look for, as is `data_drift_ratio`. A drift alarm has a sample while it is on. A number that a signal does
not have has no sample. Prometheus' metrics are in base units, so minutes become seconds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import cast

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from api.clock import read_clocks
from api.fields import field_descriptions, numeric_fields
from api.status import Now, Status
from api.view import View
from volcast.core.drift.alarms import Tier
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import Signal

_Labels = tuple[str, ...]
_CONTEXTS = {
    "": "",
    "outcome_": "Of the forecast that came due: ",
    "horizon_": "For another horizon: ",
    "horizon_outcome_": "Of the forecast for another horizon that came due: ",
    "shadow_": "Of a challenger: ",
}
"""By the prefix of a metric's name: what its description begins with."""
_MINUTES = {
    "horizon_minutes": ("horizon_seconds", 60.0, "Time that the forecast covers: H minutes."),
    "missing_minutes": ("missing_candles", 1.0, "Number of candles missing in these gaps, one for each minute."),
}
"""By field: the metric's name, the factor and the description. Prometheus has no minutes."""


NOT_GAUGES = {"open", "high", "low", "volume"}
"""Fields of a signal that are not worth a time series: a scrape sees few candles, so only the close is one."""


FULL_NAMES = {"data_drift_ratio"}
"""Fields that are the whole name of their metric."""
_DRIFT_LABELS = ["detector", "tier"]


class ViewCollector(Collector):
    """The latest signal of each symbol as gauges. `now` reads the two clocks of the view."""

    def __init__(self, view: View, now: Callable[[], Now] = read_clocks) -> None:
        self._view, self._now = view, now

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics; Prometheus' registry calls this at each scrape."""
        view, now = self._view, self._now()
        latests = {symbol: latest for symbol in view.symbols if (latest := view.get(symbol))}
        yield from _of_signals([latest.signal for latest in latests.values()])
        yield _gauge(
            "model_prediction_value",
            "Forecast of the realized volatility of the next horizon_minutes, for each horizon.",
            ["symbol", "horizon_minutes"],
            _predictions([latest.signal for latest in latests.values()]),
        )
        yield from _of_drift([latest.signal for latest in latests.values()], view)
        open_times = (((symbol,), latest.signal.open_time_ms / 1_000) for symbol, latest in latests.items())
        yield _gauge("volcast_timestamp_seconds", "Start of the candle's minute, in seconds since 1970.", ["symbol"], open_times)
        ages = (((symbol,), latest.age_s(now)) for symbol, latest in latests.items())
        yield _gauge(
            "volcast_age_seconds", "Time since the end of the candle's minute, by this machine's clock.", ["symbol"], ages
        )
        horizons_over = (
            ((symbol,), latest.is_horizon_over(latest.signal.horizon_minutes, now)) for symbol, latest in latests.items()
        )
        over = "1 if the time that the forecast covers has passed by this machine's clock, else 0."
        yield _gauge("volcast_horizon_over", over, ["symbol"], horizons_over)
        current = dict.fromkeys(view.unreadable_symbols, Status.UNREADABLE)
        current |= {symbol: view.status(latest, now) for symbol, latest in latests.items()}
        statuses = (((symbol, each.value), each is status) for symbol, status in current.items() for each in Status)
        yield _gauge(
            "volcast_status", "1 for the current status of the symbol, 0 for the others.", ["symbol", "status"], statuses
        )
        caught_up = "1 once the API has read every signal that was on the log when it started, else 0."
        yield GaugeMetricFamily("volcast_api_caught_up", caught_up, float(view.caught_up))
        yield CounterMetricFamily("volcast_api_signals", "Signals that the API has read from the log.", view.signals)
        yield CounterMetricFamily(
            "volcast_api_unreadable_signals", "Records of the topic signals that the API could not read.", view.unreadable
        )


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


def _of_drift(signals: Sequence[Signal], view: View) -> Iterator[Metric]:
    alarms = (((signal.symbol, each.detector, each.tier.value), 1.0) for signal in signals for each in signal.drift_alarms)
    yield _gauge(
        "volcast_drift_alarm", "1 while a drift alarm is on; no sample while it is off.", ["symbol", *_DRIFT_LABELS], alarms
    )
    begun = CounterMetricFamily(
        "volcast_drift_alarms", "Drift alarms that have begun since the API had read what was on the log.", labels=_DRIFT_LABELS
    )
    counts = dict.fromkeys(_detectors(), 0) | dict(view.drift.begun_counts)  # from 0: a rise shows
    for (detector, tier), count in sorted(counts.items()):
        begun.add_metric([detector, tier.value], count)
    yield begun


@cache
def _detectors() -> tuple[tuple[str, Tier], ...]:
    return tuple((each.name, each.tier) for each in DriftMonitor().detectors)


def _predictions(signals: Sequence[Signal]) -> Iterator[tuple[_Labels, float]]:
    for signal in signals:
        forecasts: tuple[Signal | HorizonForecast, ...] = (signal, *signal.other_horizons)
        yield from (((signal.symbol, str(each.horizon_minutes)), each.volatility) for each in forecasts)


def _outcomes(forecasts: Mapping[_Labels, Signal | HorizonForecast]) -> dict[_Labels, Outcome]:
    return {labels: forecast.outcome for labels, forecast in forecasts.items() if forecast.outcome}


def _gauges(prefix: str, struct: type[Struct], labels: list[str], values: Mapping[_Labels, Struct]) -> Iterator[Metric]:
    """Yield a gauge for each numeric field of `struct` that is not a label."""
    descriptions = field_descriptions(struct)
    for field in numeric_fields(struct):
        if field not in labels and field not in NOT_GAUGES:
            name, factor, description = _MINUTES.get(field, (field, 1.0, descriptions[field]))
            samples = [(each, getattr(one, field)) for each, one in values.items()]
            full_name = field if field in FULL_NAMES else f"volcast_{prefix}{name}"
            yield _gauge(full_name, _metric_description(prefix, description), labels, samples, factor)


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


def _gauge(
    name: str, description: str, labels: list[str], samples: Iterable[tuple[_Labels, float | None]], factor: float = 1.0
) -> Metric:
    """Return a gauge whose samples are made one by one, when it is rendered."""
    gauge = GaugeMetricFamily(name, description, labels=labels)
    made = (
        Sample(name, dict(zip(labels, each, strict=True)), float(value) * factor) for each, value in samples if value is not None
    )
    gauge.samples = cast("list[Sample]", made)
    return gauge
