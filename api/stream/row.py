"""One row per signal: what a chart draws and what a bot needs of the past. The same object in /history and in /stream.

A row is a part of a signal, without what only the latest signal is asked for. It is kept packed, in a third of the memory of its
JSON, and shares its alarms with the rows before that have the same.
"""

from typing import Annotated, Any

from msgspec import Struct, json, msgpack
from msgspec.structs import astuple

from volcast.core.drift.alarms import Tier
from volcast.core.forecast.results import Outcome, doc
from volcast.core.types import Signal


class RowOutcome(Struct, frozen=True):
    """The result of the forecast that came due with the candle."""

    open_time_ms: int
    realized_volatility: float
    volatility: float
    qlike: float
    qlike_ewma: float
    covered: bool
    price_covered: bool


class RowHorizon(Struct, frozen=True):
    """The forecast for another horizon, as far as a chart draws it."""

    horizon_minutes: int
    volatility: float
    volatility_lower: float
    volatility_upper: float
    price_lower: float
    price_upper: float
    outcome: RowOutcome | None


class RowShadow(Struct, frozen=True):
    """A challenger's forecast for the signal's own horizon."""

    model: str
    volatility: float
    qlike: float | None


class RowAlarm(Struct, frozen=True):
    """A drift alarm that is on."""

    detector: str
    tier: Tier
    open_time_ms: int
    what: str


class Row(Struct, frozen=True):
    """A signal as a chart shows it. Fields without a description mean the same as those of `Signal`."""

    sequence: Annotated[
        int, doc("Number of the row among those of all symbols, ascending; of this process: it begins anywhere at each start.")
    ]
    symbol: str
    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    rolling_mean: float | None
    signal: int
    signal_rate: float | None
    signal_rate_window: float | None
    model: str
    horizon_minutes: int
    interval_level: float
    volatility: float
    volatility_median: float
    volatility_lower: float
    volatility_upper: float
    price_lower: float
    price_upper: float
    usual_volatility: Annotated[
        float | None,
        doc(
            "The volatility that is usual at this time of the day and week, of the last 14 days; null before a day of warm ones."
        ),
    ]
    outcome: RowOutcome | None
    gaps: int
    missing_minutes: int
    suspect: bool
    warm: bool
    data_drift_ratio: float
    other_horizons: tuple[RowHorizon, ...]
    shadows: tuple[RowShadow, ...]
    drift_alarms: tuple[RowAlarm, ...]


_OWN = ("sequence", "usual_volatility", "outcome", "other_horizons", "shadows", "drift_alarms")
_SHARED = tuple(name for name in Row.__struct_fields__ if name not in _OWN)
_OF_HORIZON = RowHorizon.__struct_fields__[:-1]
_KEYS = 3
"""The first fields of a row are known without it: sequence, symbol, open_time_ms."""
_PACKED = Row.__struct_fields__[_KEYS:-1]
"""Without the alarms, the last field: they stay the same for many rows."""
_OUTCOME, _HORIZONS, _SHADOWS = map(_PACKED.index, ("outcome", "other_horizons", "shadows"))
_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(list[Any]).decode


def chart_row(signal: Signal, sequence: int, usual_volatility: float | None) -> Row:
    """Return the row of a signal."""
    shared = {name: getattr(signal, name) for name in _SHARED}
    alarms = tuple(RowAlarm(each.detector, each.tier, each.open_time_ms, each.what) for each in signal.drift_alarms)
    return Row(
        sequence=sequence,
        usual_volatility=usual_volatility,
        outcome=_outcome(signal.outcome),
        other_horizons=tuple(
            RowHorizon(*[*(getattr(each, name) for name in _OF_HORIZON), _outcome(each.outcome)])
            for each in signal.other_horizons
        ),
        shadows=tuple(RowShadow(each.model, each.volatility, each.qlike) for each in signal.shadows),
        drift_alarms=alarms,
        **shared,
    )


def _outcome(known: Outcome | None) -> RowOutcome | None:
    return RowOutcome(*(getattr(known, name) for name in RowOutcome.__struct_fields__)) if known else None


def packed_row(row: Row) -> bytes:
    """Return the values of the row without its keys and its alarms, as MessagePack; their names are left out."""
    values = [getattr(row, name) for name in _PACKED]
    values[_OUTCOME] = row.outcome and astuple(row.outcome)
    if row.other_horizons:
        values[_HORIZONS] = [(*astuple(each)[:-1], each.outcome and astuple(each.outcome)) for each in row.other_horizons]
    if row.shadows:
        values[_SHADOWS] = [astuple(each) for each in row.shadows]
    return _encode(values)


def unpacked_row(sequence: int, symbol: str, open_time_ms: int, packed: bytes, drift_alarms: tuple[RowAlarm, ...]) -> Row:
    """Return the row that was packed."""
    values = _decode(packed)
    values[_OUTCOME] = values[_OUTCOME] and RowOutcome(*values[_OUTCOME])
    values[_HORIZONS] = tuple(RowHorizon(*[*rest, outcome and RowOutcome(*outcome)]) for *rest, outcome in values[_HORIZONS])
    values[_SHADOWS] = tuple(RowShadow(*each) for each in values[_SHADOWS])
    return Row(*[sequence, symbol, open_time_ms, *values, drift_alarms])


def row_json(row: Row) -> bytes:
    """Return the row as a JSON object on one line."""
    return json.encode(row)
