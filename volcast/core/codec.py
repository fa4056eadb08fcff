"""How candles and signals look on the wire: JSON, a tagged union by `kind`, versioned by `v`.

A record of `candles` (prices and volumes as text, so that they are exact and a bad one arrives as it was):

    {"kind":"candle","v":1,"symbol":"BTCUSDT","open_time_ms":1704067200000,"interval_ms":60000,"open":"42283.58",
     "high":"42298.62","low":"42261.02","close":"42298.61","volume":"35.92724","quote_volume":"1519031.6945192",
     "source":"btcusdt-1m-2024-01.csv.gz","live":false,"closed_by":"file","line":2}
    {"kind":"gap","v":1,"symbol":"BTCUSDT","from_ms":…,"to_ms":…,"source":"…","reason":"…"}
    {"kind":"revision","v":1,"candle":{ as above, without kind and v }}

Decoding candles, and judging them, is the business of `decoder`. A record of `signals` is a signal, or says that the state of a
symbol is being rebuilt, so that its last signal is not to be relied on:

    {"kind":"signal","v":1,"symbol":"BTCUSDT",…}
    {"kind":"restoring","v":1,"symbol":"BTCUSDT","done":false}
"""

from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec import Struct

from .types import MINUTE_MS, Gap, Restoring, Signal

VERSION = 1

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on bytes that are not what is expected: no such JSON, text that is no UTF-8, nested without end."""


class Reason(StrEnum):
    """Why a record of `candles` was not taken."""

    UNREADABLE = "unreadable"
    VERSION = "unknown_version"
    SYMBOL = "bad_symbol"
    KEY = "wrong_key"
    TIME = "bad_time"
    INTERVAL = "wrong_interval"
    NOT_A_NUMBER = "not_a_number"
    NOT_POSITIVE = "not_positive"
    TOO_FINE = "too_many_decimals"
    TOO_LARGE = "too_large"
    HIGH_BELOW_LOW = "high_below_low"
    TOO_MANY_SYMBOLS = "too_many_symbols"
    TOO_FAR_AHEAD = "too_far_ahead"


class Reject(Struct, frozen=True):
    """A record that was not taken, with its reason: what is written to `candles.rejected`, the original bytes included."""

    reason: Reason
    detail: str
    """One sentence: which field, which value, what would be right."""
    key: bytes
    value: bytes
    symbol: str | None = None
    source: str | None = None
    line: int | None = None
    partition: int | None = None
    offset: int | None = None


class CandleText(Struct, frozen=True):
    """A candle as its producer read it; nothing is checked."""

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
    """Where it stands in its file, the header being line 1."""


class LiveCandleText(CandleText, frozen=True):
    """A candle that a venue told as it happened."""

    synthetic: bool = False
    """Nothing was traded and the venue has no candle: flat at the last close."""
    sent_ms: int | None = None
    """When the venue sent what closed it, by the venue's clock; None where it doesn't tell, or was asked for it."""
    received_ms: int | None = None
    """When that was received, by the producer's clock; None where the venue was asked for the candle."""


class Origin(Struct, frozen=True):
    """What can be said of a record even where it is no good: fields of any type, None where they are missing."""

    symbol: Any = None
    open_time_ms: Any = None
    source: Any = None
    line: Any = None
    candle: Any = None
    """A revision's: the fields of the candle that it is about."""


class _Kind(Struct, frozen=True):
    kind: Literal["signal", "restoring"]


_encoder = msgspec.json.Encoder()
_origin_decoder = msgspec.json.Decoder(Origin)
_signal_decoder = msgspec.json.Decoder(Signal)
_restoring_decoder = msgspec.json.Decoder(Restoring)
_kind_decoder = msgspec.json.Decoder(_Kind)
_reject_decoder = msgspec.json.Decoder(Reject)


def encode_candle(candle: CandleText) -> bytes:
    """-> a record of `candles`."""
    return b'{"kind":"candle","v":1,' + _encoder.encode(candle)[1:]


def encode_gap(gap: Gap) -> bytes:
    """-> a record of `candles`."""
    return b'{"kind":"gap","v":1,' + _encoder.encode(gap)[1:]


def encode_revision(candle: CandleText) -> bytes:
    """-> a record of `candles` that tells a venue's later word on a candle."""
    return b'{"kind":"revision","v":1,"candle":' + _encoder.encode(candle) + b"}"


def encode_signal(signal: Signal) -> bytes:
    """-> a record of `signals`; the same signal is the same bytes."""
    return b'{"kind":"signal","v":1,' + _encoder.encode(signal)[1:]


def encode_restoring(restoring: Restoring) -> bytes:
    """-> a record of `signals`."""
    return b'{"kind":"restoring","v":1,' + _encoder.encode(restoring)[1:]


def decode_signal(value: bytes) -> Signal | Restoring:
    """A record of `signals`. Raises one of `UNDECODABLE` where it is neither."""
    kind = _kind_decoder.decode(value).kind
    return _signal_decoder.decode(value) if kind == "signal" else _restoring_decoder.decode(value)


def encode_reject(reject: Reject) -> bytes:
    """-> a record of `candles.rejected`; key and value stand there in base64."""
    return b'{"v":1,' + _encoder.encode(reject)[1:]


def decode_reject(value: bytes) -> Reject:
    """Raises one of `UNDECODABLE` where `value` is no reject."""
    return _reject_decoder.decode(value)


def read_origin(value: bytes) -> Origin:
    """What a record says of where it comes from; nothing where it can't be read."""
    try:
        return _origin_decoder.decode(value)
    except UNDECODABLE:
        return Origin()
