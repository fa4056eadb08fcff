"""The table `drift_events`: when each drift alarm began and when it ended, found by comparing each signal with the one before.

The alarms that are on at the end are carried to the next commit. Of a symbol's first signal in the archive, alarms that are older
than its candle have begun before, and only their end will be there.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from volcast.core.drift.alarms import DriftAlarm, begun
from volcast.core.types import Signal
from volcast.log.contract import Record

from .schemas import FIRST_COLUMNS, Schema, TableRow, frame_of, where
from .signals import DecodedSignal

SymbolAlarms = dict[str, tuple[DriftAlarm, ...]]
"""The alarms that are on, by symbol."""
DRIFT_EVENT_SCHEMA: Schema = {
    **FIRST_COLUMNS,
    "event": pl.String(),
    "detector": pl.String(),
    "tier": pl.String(),
    "began_open_time": pl.Datetime("ms", "UTC"),
    "what": pl.String(),
    "quantity": pl.String(),
    "before": pl.Float64(),
    "after": pl.Float64(),
    "statistic": pl.Float64(),
    "threshold": pl.Float64(),
    "false_alarms_per_month": pl.Float64(),
}
"""`event` is begun or ended; the other columns are those of the alarm at its beginning."""


def drift_event_frame(decoded: Sequence[DecodedSignal], alarms: SymbolAlarms) -> tuple[pl.DataFrame, SymbolAlarms]:
    """Return the events in records of `signals`, and the alarms of the symbols whose alarms have changed.

    `alarms` are those that were on before the first of the records.
    """
    rows, now = list[TableRow](), dict(alarms)
    for record, value in decoded:
        if isinstance(value, Signal):
            rows += _rows(record, value, now.get(value.symbol))
            now[value.symbol] = value.drift_alarms
    changed = {symbol: on for symbol, on in now.items() if symbol not in alarms or alarms[symbol] != on}
    return frame_of(rows, DRIFT_EVENT_SCHEMA), changed


def _rows(record: Record, signal: Signal, before: tuple[DriftAlarm, ...] | None) -> Iterator[TableRow]:
    place = where(record, signal.symbol, signal.open_time_ms)
    if before is None:
        before = tuple(each for each in signal.drift_alarms if each.open_time_ms != signal.open_time_ms)
    for event, alarms in (("begun", begun(before, signal.drift_alarms)), ("ended", begun(signal.drift_alarms, before))):
        for alarm in alarms:
            yield (*place, event, alarm.detector, alarm.tier.value, *_numbers(alarm))


def _numbers(alarm: DriftAlarm) -> TableRow:
    return (
        alarm.open_time_ms,
        alarm.what,
        alarm.quantity,
        alarm.before,
        alarm.after,
        alarm.statistic,
        alarm.threshold,
        alarm.false_alarms_per_month,
    )
