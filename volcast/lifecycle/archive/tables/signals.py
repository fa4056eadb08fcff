"""The table `signals`: each record of the topic, as it is, and the fields of a signal that are a number, a text or a flag.

The column `record` has the bytes that stood on the log; a seal in the archive's commits is made of them. What has more than one
value, as the quantiles, is read from there.
"""

from collections.abc import Sequence
from itertools import starmap
from types import NoneType
from typing import NamedTuple, get_args, get_type_hints

import polars as pl

from volcast.core.codec import UNDECODABLE, decode_signal
from volcast.core.types import Restoring, Signal
from volcast.log.contract import Record

from .schemas import FIRST_COLUMNS, Schema, TableRow, frame_of, where

_KINDS: dict[object, pl.DataType] = {float: pl.Float64(), int: pl.Int64(), bool: pl.Boolean(), str: pl.String()}
_ELSEWHERE = {"symbol", "open_time_ms"}


def _scalar_fields() -> dict[str, pl.DataType]:
    """Return the fields of a signal with one value, a missing one included, by name."""
    found = {}
    for name, hint in get_type_hints(Signal).items():
        kinds = set(get_args(hint)) - {NoneType} or {hint}
        if name not in _ELSEWHERE and len(kinds) == 1 and (kind := _KINDS.get(kinds.pop())):
            found[name] = kind
    return found


SIGNAL_FIELDS = _scalar_fields()
SIGNAL_SCHEMA: Schema = {**FIRST_COLUMNS, "kind": pl.String(), **SIGNAL_FIELDS, "key": pl.Binary(), "record": pl.Binary()}
"""`kind` is signal, restoring (the symbol's state is being rebuilt, or has been) or unreadable."""


class DecodedSignal(NamedTuple):
    """A record of `signals` and what it says; None if it cannot be decoded."""

    record: Record
    value: Signal | Restoring | None


def decode_signals(records: Sequence[Record]) -> list[DecodedSignal]:
    """Decode the records of `signals`, in their order."""
    return [DecodedSignal(record, _decoded(record)) for record in records]


def signal_frame(decoded: Sequence[DecodedSignal]) -> pl.DataFrame:
    """Return a row for each record of `signals`."""
    return frame_of(starmap(_row, decoded), SIGNAL_SCHEMA)


def _decoded(record: Record) -> Signal | Restoring | None:
    try:
        return decode_signal(record.value)
    except UNDECODABLE:
        return None


def _row(record: Record, value: Signal | Restoring | None) -> TableRow:
    nothing = [None] * len(SIGNAL_FIELDS)
    match value:
        case Signal() as signal:
            values = [getattr(signal, name) for name in SIGNAL_FIELDS]
            return (*where(record, signal.symbol, signal.open_time_ms), "signal", *values, record.key, record.value)
        case Restoring(symbol=symbol):
            return (*where(record, symbol, None), "restoring", *nothing, record.key, record.value)
        case _:
            return (*where(record, None, None), "unreadable", *nothing, record.key, record.value)
