"""Which drift alarms a stream of past candles would have raised: from when until when, with the evidence. No I/O, no clock.

Signals come from the production engine, and the detectors see what they would see in production.
"""

from collections.abc import Iterable

from msgspec import Struct

from volcast.core.drift.events import DriftEvent, Tier
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.drift.observation import observe
from volcast.core.engine import Engine
from volcast.core.types import MINUTE_MS, YEAR_MINUTES, Signal

from .run import BacktestReplay

_MONTH_MINUTES = YEAR_MINUTES / 12


class DriftAlarm(Struct, frozen=True):
    """An alarm from its beginning to its end. The numbers are those at its beginning; `DriftEvent` explains them."""

    detector: str
    tier: Tier
    from_ms: int
    to_ms: int | None
    """None if it is still on after the last candle."""
    what: str
    quantity: str
    before: float
    after: float
    statistic: float
    threshold: float
    false_alarms_per_month: float | None


class DriftReport(Struct, frozen=True):
    """The alarms of one symbol, in order of their beginnings."""

    symbol: str
    candles: int
    first_open_time_ms: int
    last_open_time_ms: int
    alarms: list[DriftAlarm]
    per_month: dict[Tier, float]
    """Alarms a month, of a twelfth of a year, between the first and the last candle."""
    mean_data_drift_ratio: float
    """The mean of `data_drift_ratio` over all candles."""
    thresholds: str
    """How the thresholds were made."""


def report_drift(engine: Engine, replay: BacktestReplay, signals: Iterable[Signal]) -> DriftReport | None:
    """Run the detectors over the signals that `replay` yields from `engine`. Return None if there are none."""
    monitor = DriftMonitor(engine.config.interval_level)
    market, main = engine.forecaster.market, engine.forecaster.main
    events: list[DriftEvent] = []
    first_ms = last_ms = candles = 0
    ratios = 0.0
    for signal in signals:
        if replay.candle is None:
            raise ValueError("the signals are not those of the replay")
        first_ms, last_ms, candles = first_ms if candles else signal.open_time_ms, signal.open_time_ms, candles + 1
        events += monitor.push(observe(signal, replay.candle, market, main.seasonal_effect(market.minute)))
        ratios += monitor.data_drift_ratio
    if not candles:
        return None
    alarms = join_events(events)
    months = ((last_ms - first_ms) / MINUTE_MS + 1) / _MONTH_MINUTES
    return DriftReport(
        engine.symbol,
        candles,
        first_ms,
        last_ms,
        alarms,
        {tier: sum(alarm.tier is tier for alarm in alarms) / months for tier in Tier},
        ratios / candles,
        monitor.thresholds.made,
    )


def join_events(events: Iterable[DriftEvent]) -> list[DriftAlarm]:
    """Return an alarm for each event that begins one, with the time of the event that ends it."""
    alarms: list[DriftAlarm] = []
    open_at: dict[str, int] = {}
    for event in events:
        if event.raised:
            open_at[event.detector] = len(alarms)
            alarms.append(
                DriftAlarm(
                    event.detector,
                    event.tier,
                    event.open_time_ms,
                    None,
                    event.what,
                    event.quantity,
                    event.before,
                    event.after,
                    event.statistic,
                    event.threshold,
                    event.false_alarms_per_month,
                )
            )
        else:
            at = open_at.pop(event.detector)
            fields = {name: getattr(alarms[at], name) for name in DriftAlarm.__struct_fields__}
            alarms[at] = DriftAlarm(**fields | {"to_ms": event.open_time_ms})
    return alarms
