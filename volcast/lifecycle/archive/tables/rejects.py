"""The table `rejects`: each record of `candles.rejected`, with the reason, and the bytes that were refused.

A reject of a symbol that no candle may have, or of too many symbols, has none in the table: anybody could make folders of them.
`claimed_symbol` is what the record said.
"""

from collections.abc import Sequence

import polars as pl

from volcast.core.codec import UNDECODABLE, Reason, decode_reject, read_origin
from volcast.log.contract import Record

from .schemas import FIRST_COLUMNS, Schema, TableRow, frame_of, where

REJECT_SCHEMA: Schema = {
    **FIRST_COLUMNS,
    "reason": pl.String(),
    "detail": pl.String(),
    "claimed_symbol": pl.String(),
    "source": pl.String(),
    "line": pl.Int64(),
    "candle_partition": pl.Int32(),
    "candle_offset": pl.Int64(),
    "candle_key": pl.Binary(),
    "candle_record": pl.Binary(),
    "key": pl.Binary(),
    "record": pl.Binary(),
}
"""`candle_…` is the record of `candles` that was refused; `reason` is unreadable_reject if this one cannot be decoded."""
_WITHOUT_SYMBOL = {Reason.SYMBOL, Reason.KEY, Reason.NOT_ALLOWED, Reason.TOO_MANY_SYMBOLS, Reason.UNREADABLE}


def reject_frame(records: Sequence[Record]) -> pl.DataFrame:
    """Return a row for each record of `candles.rejected`."""
    return frame_of(map(_row, records), REJECT_SCHEMA)


def _row(record: Record) -> TableRow:
    try:
        reject = decode_reject(record.value)
    except UNDECODABLE:
        nothing = [None] * (len(REJECT_SCHEMA) - len(FIRST_COLUMNS) - 3)
        return (*where(record, None, None), "unreadable_reject", *nothing, record.key, record.value)
    symbol = None if reject.reason in _WITHOUT_SYMBOL else reject.symbol
    origin = read_origin(reject.value)
    inner = origin.candle if isinstance(origin.candle, dict) else {}
    time_ms = origin.open_time_ms if origin.open_time_ms is not None else inner.get("open_time_ms")
    return (
        *where(record, symbol, time_ms),
        reject.reason.value,
        reject.detail,
        reject.symbol,
        reject.source,
        reject.line,
        reject.partition,
        reject.offset,
        reject.key,
        reject.value,
        record.key,
        record.value,
    )
