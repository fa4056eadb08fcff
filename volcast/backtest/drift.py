"""Which drift alarms a stream of past candles would have raised: from when until when, with the evidence. No I/O, no clock.

The alarms are those of the signals, which come from the production engine.
"""

from collections.abc import Iterable

from msgspec import Struct

from volcast.core.drift.alarms import DriftAlarm, Tier, begun
from volcast.core.drift.monitor import DriftMonitor
from volcast.core.types import MINUTE_MS, YEAR_MINUTES, Signal

_MONTH_MINUTES = YEAR_MINUTES / 12


class AlarmPeriod(Struct):
    """An alarm from its beginning to its end."""

    alarm: DriftAlarm
    to_ms: int | None = None
    """None if it is still on after the last candle."""


class DriftReport(Struct, frozen=True):
    """The alarms of one symbol, in order of their beginnings."""

    symbol: str
    candles: int
    first_open_time_ms: int
    last_open_time_ms: int
    alarms: list[AlarmPeriod]
    per_month: dict[Tier, float]
    """Alarms a month, of a twelfth of a year, between the first and the last candle."""
    mean_data_drift_ratio: float
    """The mean of `data_drift_ratio` over all candles."""
    thresholds: str
    """How the thresholds were made."""


class AlarmLog:
    """Joins the alarms of successive minutes into periods."""

    def __init__(self) -> None:
        self.periods: list[AlarmPeriod] = []
        """In order of their beginnings."""
        self._on: tuple[DriftAlarm, ...] = ()

    def push(self, open_time_ms: int, alarms: tuple[DriftAlarm, ...]) -> None:
        """Add the alarms that are on after the candle that opened at `open_time_ms`."""
        if alarms == self._on:
            return
        ended = begun(alarms, self._on)
        for period in self.periods:
            if period.to_ms is None and period.alarm in ended:
                period.to_ms = open_time_ms
        self.periods += map(AlarmPeriod, begun(self._on, alarms))
        self._on = alarms


def report_drift(monitor: DriftMonitor, signals: Iterable[Signal]) -> DriftReport | None:
    """Return the report of one symbol's signals, whose alarms are those of `monitor`; None if there are no signals."""
    log, symbol = AlarmLog(), ""
    first_ms = last_ms = candles = 0
    ratios = 0.0
    for signal in signals:
        symbol, last_ms, candles = signal.symbol, signal.open_time_ms, candles + 1
        first_ms = first_ms or last_ms
        log.push(last_ms, signal.drift_alarms)
        ratios += signal.data_drift_ratio
    if not candles:
        return None
    months = ((last_ms - first_ms) / MINUTE_MS + 1) / _MONTH_MINUTES
    return DriftReport(
        symbol,
        candles,
        first_ms,
        last_ms,
        log.periods,
        {tier: sum(each.alarm.tier is tier for each in log.periods) / months for tier in Tier},
        ratios / candles,
        monitor.thresholds.made,
    )
