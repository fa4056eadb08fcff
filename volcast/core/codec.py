"""The wire format of candles, signals and rejects: JSON, a union tagged by `kind`, versioned by `v`.

A record of `candles`. Prices and volumes are text, so that they are exact and a bad one arrives unchanged:

    {"kind":"candle","v":1,"symbol":"BTCUSDT","open_time_ms":1704067200000,"interval_ms":60000,"open":"42283.58",
     "high":"42298.62","low":"42261.02","close":"42298.61","volume":"35.92724","quote_volume":"1519031.6945192",
     "source":"btcusdt-1m-2024-01.csv.gz","live":false,"closed_by":"file","line":2,"content":"6d2f0c3a9b1e4f57"}
    {"kind":"gap","v":1,"symbol":"BTCUSDT","from_ms":…,"to_ms":…,"source":"…","reason":"…"}
    {"kind":"revision","v":1,"candle":{ as above, without kind and v }}

A promotion has the key `@promotion` and stands in each partition:

    {"kind":"promotion","v":1,"id":"000007","model":"har","from_ms":1704067200000,"symbols":[]}

`plain_candle` and `decoder` decode and check candles. A record of `signals` is a signal, or a notice that the state of a symbol
is being rebuilt, so that its last signal must not be relied on:

    {"kind":"signal","v":1,"symbol":"BTCUSDT",…}
    {"kind":"restoring","v":1,"symbol":"BTCUSDT","done":false}
"""

import re
from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec import Struct

from volcast.core.forecast.promotion import Promotion
from volcast.core.forecast.whole import check_whole

from .types import MINUTE_MS, Gap, Restoring, Signal

VERSION = 1
PROMOTION_KEY = b"@promotion"
"""The key of promotions on `candles`; no symbol has an @."""
MAX_RECORD_BYTES = 65_536
"""A larger record of `candles` is never accepted."""
MAX_KEPT_BYTES = MAX_RECORD_BYTES + 1
MAX_KEPT_KEY_BYTES = 1_024
"""What a reject keeps of a record's value and key. With its texts, in base64 and JSON, it stays below 100 kB, whatever the record
is: far below 1 MB, Kafka's default limit. What was cut could not be accepted anyway."""
MIN_TIME_MS = 1_230_768_000_000
"""2009-01-01, the year of the first Bitcoin."""
MAX_TIME_MS = 7_258_118_400_000
"""2200-01-01; a time must be earlier."""
MAX_PRICE_DIGITS = 15
MAX_SYMBOL_CHARACTERS = 40
MAX_SOURCE_CHARACTERS = 255
"""As a file's name may have; a signal repeats it."""
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
    UNKNOWN_MODEL = "unknown_model"


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


_encoder = msgspec.json.Encoder()
_find_nulls = re.compile(b"null").findall  # faster than to count them
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


def encode_promotion(promotion: Promotion) -> bytes:
    """Encode a promotion as a record of `candles`, whose key is `PROMOTION_KEY`.

    >>> encode_promotion(Promotion("000007", "har", 1_704_067_200_000))
    b'{"kind":"promotion","v":1,"id":"000007","model":"har","from_ms":1704067200000,"symbols":[]}'
    """
    return b'{"kind":"promotion","v":1,' + _encoder.encode(promotion)[1:]


def encode_signal(signal: Signal) -> bytes:
    """Encode a signal as a record of `signals`; equal signals give equal bytes.

    Raises NotWholeError for one that is not whole, in place of which JSON would have a null.
    """
    encoded = _encoder.encode(signal)
    absent = (signal.rolling_mean, signal.signal_rate, signal.signal_rate_window, signal.outcome).count(None)
    if len(_find_nulls(encoded)) != absent:  # or there is one in a text, or an outcome of another horizon is not known yet
        check_whole(signal)
    for quantiles in (signal.quantiles, *(each.quantiles for each in signal.other_horizons)):
        levels = len(quantiles.levels)
        low, high = len(quantiles.log_low), len(quantiles.log_high)
        if not len(quantiles.log_return) == low == high == len(quantiles.realized_volatility) == levels:
            check_whole(signal)
    return b'{"kind":"signal","v":1,' + encoded[1:]


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
