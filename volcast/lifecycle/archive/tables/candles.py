"""The table `candles`: each record of the topic, as it is, and its fields where they can be read.

Nobody has judged these records yet: bad rows and repetitions are among them, as on the topic. `rejects` says which the consumer
refused.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite

import msgspec
import polars as pl
from msgspec import Struct

from volcast.core.codec import UNDECODABLE
from volcast.log.contract import Record

from .schemas import FIRST_COLUMNS, Schema, TableRow, frame_of, where

_NUMBERS = ("open", "high", "low", "close", "volume", "quote_volume")
CANDLE_SCHEMA: Schema = {
    **FIRST_COLUMNS,
    "kind": pl.String(),
    **{name: pl.Float64() for name in _NUMBERS},
    **{f"{name}_text": pl.String() for name in _NUMBERS},
    "source": pl.String(),
    "live": pl.Boolean(),
    "closed_by": pl.String(),
    "key": pl.Binary(),
    "record": pl.Binary(),
}
"""`kind` is candle, gap, revision, promotion or unreadable. `open_time` of a gap is its first minute, of a promotion the named
candle's. The numbers are null if they are not finite; `…_text` is what the record says."""


class _Body(Struct):
    symbol: str
    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    source: str
    closed_by: str
    live: bool = False


class _Candle(_Body, tag_field="kind", tag="candle"):
    pass


class _Revision(Struct, tag_field="kind", tag="revision"):
    candle: _Body


class _Gap(Struct, tag_field="kind", tag="gap"):
    symbol: str
    from_ms: int
    source: str


class _Promotion(Struct, tag_field="kind", tag="promotion"):
    from_ms: int


_decoder = msgspec.json.Decoder(_Candle | _Revision | _Gap | _Promotion)


def candle_frame(records: Sequence[Record]) -> pl.DataFrame:
    """Return a row for each record of `candles`."""
    return frame_of(map(_row, records), CANDLE_SCHEMA)


def _row(record: Record) -> TableRow:
    try:
        read = _decoder.decode(record.value)
    except UNDECODABLE:
        return _other(record, "unreadable", None, None)
    match read:
        case _Candle():
            return _candle(record, "candle", read)
        case _Revision():
            return _candle(record, "revision", read.candle)
        case _Gap():
            return _other(record, "gap", read.symbol, read.from_ms, read.source)
        case _:
            return _other(record, "promotion", None, read.from_ms)


def _candle(record: Record, kind: str, body: _Body) -> TableRow:
    numbers = [body.open, body.high, body.low, body.close, body.volume, body.quote_volume]
    return (
        *_own(record, body.symbol, body.open_time_ms),
        kind,
        *map(_float, numbers),
        *map(str, numbers),
        body.source,
        body.live,
        body.closed_by,
        record.key,
        record.value,
    )


def _other(record: Record, kind: str, symbol: str | None, time_ms: int | None, source: str | None = None) -> TableRow:
    nothing = [None] * (2 * len(_NUMBERS))
    return (*_own(record, symbol, time_ms), kind, *nothing, source, None, None, record.key, record.value)


def _own(record: Record, symbol: str | None, time_ms: int | None) -> TableRow:
    """Return the first columns; a symbol that is not the record's key is none, as for the consumer."""
    return where(record, symbol if symbol is not None and record.key == symbol.encode() else None, time_ms)


def _float(number: Decimal) -> float | None:
    return value if isfinite(value := float(number)) else None
