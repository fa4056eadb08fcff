"""The wire format of candles, signals and rejects: JSON, a union tagged by `kind`, versioned by `v`.

A record of `candles`. Prices and volumes are text, so that they are exact and a bad one arrives unchanged:

    {"kind":"candle","v":1,"symbol":"BTCUSDT","open_time_ms":1704067200000,"interval_ms":60000,"open":"42283.58",
     "high":"42298.62","low":"42261.02","close":"42298.61","volume":"35.92724","quote_volume":"1519031.6945192",
     "source":"btcusdt-1m-2024-01.csv.gz","live":false,"closed_by":"file","line":2,"content":"6d2f0c3a9b1e4f57"}
    {"kind":"gap","v":1,"symbol":"BTCUSDT","from_ms":…,"to_ms":…,"source":"…","reason":"…"}
    {"kind":"revision","v":1,"candle":{ as above, without kind and v }}

`decoder` decodes and checks candles. A record of `signals` is a signal, or a notice that the state of a symbol is being rebuilt,
so that its last signal must not be relied on:

    {"kind":"signal","v":1,"symbol":"BTCUSDT",…}
    {"kind":"restoring","v":1,"symbol":"BTCUSDT","done":false}
"""

from enum import StrEnum
from math import isfinite
from typing import Any, Literal, get_type_hints

import msgspec
from msgspec import Struct

from volcast.core.drift.alarms import DriftAlarm
from volcast.core.forecast.distribution.quantiles import Quantiles

from .types import MINUTE_MS, Gap, HorizonForecast, Outcome, Restoring, Shadow, Signal

VERSION = 1
MAX_RECORD_BYTES = 65_536
"""A larger record of `candles` is never accepted."""
MAX_KEPT_BYTES = MAX_RECORD_BYTES + 1
MAX_KEPT_KEY_BYTES = 1_024
"""What a reject keeps of a record's value and key. With its texts, in base64 and JSON, it stays below 100 kB, whatever the record
is: far below 1 MB, Kafka's default limit. What was cut could not be accepted anyway."""
_MAX_DETAIL_CHARACTERS = 400
_MAX_ORIGIN_CHARACTERS = 255
_MAX_LINE = 2**53

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes it cannot decode: other JSON or none, text that is not UTF-8, nesting that is too deep."""


class Reason(StrEnum):
    """Why a record of `candles` was rejected; docs/records.md explains each."""

    UNREADABLE = "unreadable"
    UNREADABLE_BATCH = "unreadable_batch"
    VERSION = "unknown_version"
    SYMBOL = "bad_symbol"
    KEY = "wrong_key"
    PARTITION = "wrong_partition"
    TIME = "bad_time"
    INTERVAL = "wrong_interval"
    NOT_A_NUMBER = "not_a_number"
    NOT_POSITIVE = "not_positive"
    TOO_FINE = "too_many_decimals"
    TOO_LARGE = "too_large"
    HIGH_BELOW_LOW = "high_below_low"
    OUTSIDE_RANGE = "outside_high_low"
    NOT_ALLOWED = "symbol_not_allowed"
    TOO_MANY_SYMBOLS = "too_many_symbols"
    UNCONFIRMED_DATE = "unconfirmed_date"


class Reject(Struct, frozen=True):
    """A record of `candles` that was rejected, with the reason and its original bytes: a record of `candles.rejected`."""

    reason: Reason
    detail: str
    """One sentence for the user: which field, its value, and what is expected instead."""
    key: bytes
    value: bytes
    symbol: str | None = None
    source: str | None = None
    line: int | None = None
    partition: int | None = None
    offset: int | None = None


class CandleText(Struct, frozen=True):
    """A candle as its producer read it, not yet checked."""

    symbol: str
    open_time_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str
    source: str
    closed_by: str
    interval_ms: int = MINUTE_MS
    live: bool = False
    line: int | None = None
    """Its line in its file, where the header is line 1."""


class ReplayedCandleText(CandleText, frozen=True):
    """A candle that was read from a file."""

    content: str = ""
    """A hash of all rows that were replayed for its symbol up to this one."""


class LiveCandleText(CandleText, frozen=True):
    """A candle that a venue sent live."""

    synthetic: bool = False
    """Nothing was traded and the venue has no candle: all prices are the last close."""
    sent_ms: int | None = None
    """When the venue sent what closed the candle, by the venue's clock; None if the venue does not say, or for backfill."""
    received_ms: int | None = None
    """When that was received, by the producer's clock; None for a candle from backfill."""


class Origin(Struct, frozen=True):
    """The origin of a record, as far as it can be read. Its fields may have any type; they are None if missing."""

    symbol: Any = None
    open_time_ms: Any = None
    source: Any = None
    line: Any = None
    candle: Any = None
    """Of a revision: the fields of its candle."""


class _Kind(Struct, frozen=True):
    kind: Literal["signal", "restoring"]


class NotWholeError(Exception):
    """Raised for a signal that lacks a number, or has one that is not finite. It is a bug, and such a signal is never written."""


def _number_fields(struct: type[Struct], hints: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(name for name, hint in get_type_hints(struct).items() if hint in hints)


_NUMBERS: dict[type[Struct], tuple[str, ...]] = {
    each: _number_fields(each, (float, int)) for each in (Signal, Outcome, HorizonForecast, Shadow, DriftAlarm)
}
_QUANTILES = Quantiles.__struct_fields__
_NUMBERS_OR_NONE = {each: _number_fields(each, (float | None,)) for each in _NUMBERS}
_encoder = msgspec.json.Encoder()
_origin_decoder = msgspec.json.Decoder(Origin)
_signal_decoder = msgspec.json.Decoder(Signal)
_restoring_decoder = msgspec.json.Decoder(Restoring)
_kind_decoder = msgspec.json.Decoder(_Kind)
_reject_decoder = msgspec.json.Decoder(Reject)


def encode_candle(candle: CandleText) -> bytes:
    """Encode a candle as a record of `candles`."""
    return b'{"kind":"candle","v":1,' + _encoder.encode(candle)[1:]


def encode_gap(gap: Gap) -> bytes:
    """Encode a gap as a record of `candles`.

    >>> encode_gap(Gap("BTCUSDT", 0, 60_000, "BINANCE", "outage"))
    b'{"kind":"gap","v":1,"symbol":"BTCUSDT","from_ms":0,"to_ms":60000,"source":"BINANCE","reason":"outage"}'
    """
    return b'{"kind":"gap","v":1,' + _encoder.encode(gap)[1:]


def encode_revision(candle: CandleText) -> bytes:
    """Encode a revised candle as a record of `candles`."""
    return b'{"kind":"revision","v":1,"candle":' + _encoder.encode(candle) + b"}"


def encode_signal(signal: Signal) -> bytes:
    """Encode a signal as a record of `signals`; equal signals give equal bytes.

    Raises NotWholeError for one that is not whole, in place of which JSON would have a null.
    """
    parts = (signal, *signal.other_horizons, *signal.shadows, *signal.drift_alarms)
    outcomes = (signal.outcome, *(each.outcome for each in signal.other_horizons))
    for part in (*parts, *(outcome for outcome in outcomes if outcome)):
        _check_whole(signal, part)
    for quantiles in (signal.quantiles, *(each.quantiles for each in signal.other_horizons)):
        for name in _QUANTILES:
            values = getattr(quantiles, name)
            bad = [value for value in values if value is None or not isfinite(value)]
            if bad or len(values) != len(quantiles.levels):
                raise _not_whole(signal, f"quantiles of {name} are {values}")
    return b'{"kind":"signal","v":1,' + _encoder.encode(signal)[1:]


def _check_whole(signal: Signal, part: Struct) -> None:
    numbers = {name: getattr(part, name) for name in _NUMBERS[type(part)]}
    numbers |= {name: value for name in _NUMBERS_OR_NONE[type(part)] if (value := getattr(part, name)) is not None}
    for name, value in numbers.items():
        if value is None or not isfinite(value):
            raise _not_whole(signal, f"{name} is {value}")


def _not_whole(signal: Signal, what: str) -> NotWholeError:
    where = f"the signal of {signal.symbol} at {signal.open_time_ms}"
    return NotWholeError(f"{where} is not whole: its {what}; nothing was written, please report this bug")


def encode_restoring(restoring: Restoring) -> bytes:
    """Encode a notice of a rebuild as a record of `signals`.

    >>> decode_signal(encode_restoring(Restoring("BTCUSDT", done=False)))
    Restoring(symbol='BTCUSDT', done=False)
    """
    return b'{"kind":"restoring","v":1,' + _encoder.encode(restoring)[1:]


def decode_signal(value: bytes) -> Signal | Restoring:
    """Decode a record of `signals`. Raises one of `UNDECODABLE` if it is neither a signal nor a notice of a rebuild."""
    kind = _kind_decoder.decode(value).kind
    return _signal_decoder.decode(value) if kind == "signal" else _restoring_decoder.decode(value)


def encode_reject(reject: Reject) -> bytes:
    """Encode a reject as a record of `candles.rejected`; its key and value are base64."""
    return b'{"v":1,' + _encoder.encode(reject)[1:]


def decode_reject(value: bytes) -> Reject:
    """Decode a record of `candles.rejected`. Raises one of `UNDECODABLE` if it is not a reject."""
    return _reject_decoder.decode(value)


def read_origin(value: bytes) -> Origin:
    """Return the origin that a record names; all its fields are None if the record cannot be read."""
    try:
        return _origin_decoder.decode(value)
    except UNDECODABLE:
        return Origin()


def refuse(reason: Reason, detail: str, key: bytes, value: bytes) -> Reject:
    """Return the reject of a record, with its symbol, source and line if they can be read; a revision has them in its candle.

    Each part is cut to its limit: the reject fits into any log, whatever the record is.
    """
    origin = read_origin(value)
    inner = origin.candle if isinstance(origin.candle, dict) else {}
    symbol, source, line = (
        inner.get(name) if outer is None else outer
        for name, outer in (("symbol", origin.symbol), ("source", origin.source), ("line", origin.line))
    )
    return Reject(
        reason,
        _cut(detail, _MAX_DETAIL_CHARACTERS),
        key[:MAX_KEPT_KEY_BYTES],
        value[:MAX_KEPT_BYTES],
        _cut(symbol, _MAX_ORIGIN_CHARACTERS) if isinstance(symbol, str) else None,
        _cut(source, _MAX_ORIGIN_CHARACTERS) if isinstance(source, str) else None,
        line if type(line) is int and abs(line) < _MAX_LINE else None,  # in Python `True` is an int, in JSON it is no number
    )


def is_cut(reject: Reject) -> bool:
    """Return whether nothing of the record was kept, or only the beginning of its key or value."""
    return (
        reject.reason is Reason.UNREADABLE_BATCH or len(reject.key) >= MAX_KEPT_KEY_BYTES or len(reject.value) >= MAX_KEPT_BYTES
    )


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"
