"""The table `outcomes`: a row for each forecast that came due, of the leader, its other horizons and each challenger.

`open_time` is the candle with which it came due, `made_open_time` the last one that the forecast knew. A signal carries of a
challenger's outcome its loss and its coverage; the realized volatility is the leader's for the same minutes.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from volcast.core.forecast.results import Outcome
from volcast.core.types import Signal
from volcast.log.contract import Record

from .schemas import FIRST_COLUMNS, Schema, TableRow, frame_of, where
from .signals import DecodedSignal

OUTCOME_SCHEMA: Schema = {
    **FIRST_COLUMNS,
    "made_open_time": pl.Datetime("ms", "UTC"),
    "model": pl.String(),
    "role": pl.String(),
    "horizon_minutes": pl.Int32(),
    "realized_volatility": pl.Float64(),
    "volatility": pl.Float64(),
    "qlike": pl.Float64(),
    "covered": pl.Boolean(),
    "price_covered": pl.Boolean(),
    "volatility_ewma": pl.Float64(),
    "qlike_ewma": pl.Float64(),
}
"""`role` is leader or challenger. Of a challenger, `volatility`, `price_covered` and the plain EWMA's columns are null."""


def outcome_frame(decoded: Sequence[DecodedSignal]) -> pl.DataFrame:
    """Return the outcomes in records of `signals`."""
    rows = (row for record, value in decoded if isinstance(value, Signal) for row in _rows(record, value))
    return frame_of(rows, OUTCOME_SCHEMA)


def _rows(record: Record, signal: Signal) -> Iterator[TableRow]:
    place = where(record, signal.symbol, signal.open_time_ms)
    if own := signal.outcome:
        yield (*place, *_leader(signal, signal.horizon_minutes, own))
    for other in signal.other_horizons:
        if other.outcome:
            yield (*place, *_leader(signal, other.horizon_minutes, other.outcome))
    for shadow in signal.shadows:
        if shadow.qlike is not None:
            made, realized = (own.open_time_ms, own.realized_volatility) if own else (None, None)
            scores = (realized, None, shadow.qlike, shadow.covered, None, None, None)
            yield (*place, made, shadow.model, "challenger", signal.horizon_minutes, *scores)


def _leader(signal: Signal, horizon_minutes: int, outcome: Outcome) -> TableRow:
    return (
        outcome.open_time_ms,
        signal.model,
        "leader",
        horizon_minutes,
        outcome.realized_volatility,
        outcome.volatility,
        outcome.qlike,
        outcome.covered,
        outcome.price_covered,
        outcome.volatility_ewma,
        outcome.qlike_ewma,
    )
