"""The decoder of `candles`: it turns records into values, or into rejects with a reason, by all checks that need no memory.

A price is a decimal number, as text or as a JSON number, with at most 15 significant digits and no more decimals than its symbol
may have. So price × 10^decimals is an integer, and the float nearest to the price prints as the same number. A price with more
decimals is rejected, never rounded.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from functools import lru_cache

import msgspec
from msgspec import Struct

from volcast.core.forecast.promotion import Promotion

from .codec import (
    MAX_PRICE_DIGITS,
    MAX_RECORD_BYTES,
    MAX_SOURCE_CHARACTERS,
    MAX_SYMBOL_CHARACTERS,
    MAX_TIME_MS,
    MIN_TIME_MS,
    PROMOTION_KEY,
    UNDECODABLE,
    VERSION,
    Reason,
    Reject,
    refuse,
)
from .plain_candle import PlainCandleDecoder
from .timeline import Arrival
from .types import MINUTE_MS, Candle, Gap, Revision

MAX_PRICE_DECIMALS = 12
MAX_VOLUME_DIGITS = 24
"""A volume is below 10^24. The forecaster's sums and squares of what is accepted stay far below a float's limit, 10^308."""
MAX_NESTING = 64
"""Opening brackets of a record. Whether a deeper one can be decoded would depend on the depth of the caller's stack."""

_EXACT = Context(prec=80, traps=[Inexact])


class _CandleBody(Struct, frozen=True):
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
    interval_ms: int = MINUTE_MS
    live: bool = False
    line: int | None = None


class _CandleRecord(_CandleBody, frozen=True, tag_field="kind", tag="candle"):
    v: int = 0


class _GapRecord(Struct, frozen=True, tag_field="kind", tag="gap"):
    symbol: str
    from_ms: int
    to_ms: int
    source: str
    reason: str
    v: int = 0


class _RevisionRecord(Struct, frozen=True, tag_field="kind", tag="revision"):
    candle: _CandleBody
    v: int = 0


class _PromotionRecord(Promotion, frozen=True, tag_field="kind", tag="promotion"):
    v: int = 0


class _RejectedError(Exception):
    """Raised by a check that fails; `decode` turns it into a `Reject`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


_record_decoder = msgspec.json.Decoder(_CandleRecord | _GapRecord | _RevisionRecord | _PromotionRecord)
_odd_number = re.compile(rb'"(open|high|low|close|volume|quote_volume)"\s*:\s*"([^"]*[^0-9.eE+"-][^"]*)"')
"""A number that Python's Decimal accepts but other parsers would not: `4_2`, ` 42 `, digits of other scripts."""
_symbol_pattern = re.compile(r"[A-Z0-9]+(\.[A-Z0-9]+)?")


class Decoder:
    """Decoder of records of `candles`. It knows how many decimals the prices of a symbol may have, at most 12.

    Args:
        price_decimals: Decimals of prices in general; ValueError if not from 0 to 12.
        by_symbol: Decimals of single symbols; the same range.

    >>> Decoder(price_decimals=2).decode(b"BTCUSDT", b"{}").detail
    'Object missing required field `kind`'
    """

    def __init__(self, price_decimals: int = 8, by_symbol: Mapping[str, int] | None = None) -> None:
        self._decimals = price_decimals
        self._by_symbol = dict(by_symbol or {})
        if not all(0 <= decimals <= MAX_PRICE_DECIMALS for decimals in (price_decimals, *self._by_symbol.values())):
            raise ValueError(f"a price has 0 to {MAX_PRICE_DECIMALS} decimals")
        self._plain = PlainCandleDecoder(price_decimals)
        self._plain_by_key = {symbol.encode(): PlainCandleDecoder(decimals) for symbol, decimals in self._by_symbol.items()}

    @property
    def settings(self) -> tuple[int, dict[str, int]]:
        """Decimals of prices in general, and those of single symbols."""
        return self._decimals, self._by_symbol

    def price_decimals(self, symbol: str) -> int:
        """Return how many decimals the prices of the symbol may have."""
        return self._by_symbol.get(symbol, self._decimals)

    def decode(self, key: bytes, value: bytes) -> Candle | Gap | Revision | Promotion | Reject:
        """Decode a record of `candles` with its key. It never raises: any bytes that are not a sound record become a `Reject`."""
        if candle := self._plain_by_key.get(key, self._plain).decode(key, value):
            return candle
        try:
            return self._decode(key, value)
        except _RejectedError as rejected:
            return refuse(rejected.reason, str(rejected), key, value)

    def _decode(self, key: bytes, value: bytes) -> Candle | Gap | Revision | Promotion:
        if len(value) > MAX_RECORD_BYTES:
            raise _RejectedError(Reason.TOO_LARGE, f"the record has {len(value)} bytes; at most {MAX_RECORD_BYTES} are allowed")
        if (brackets := value.count(b"[") + value.count(b"{")) > MAX_NESTING:
            raise _RejectedError(
                Reason.UNREADABLE, f"the record has {brackets} opening brackets; at most {MAX_NESTING} are allowed"
            )
        try:
            record = _record_decoder.decode(value)
        except UNDECODABLE as error:
            raise _undecodable(error, value) from error
        if record.v != VERSION:
            raise _wrong_version(record.v)
        match record:
            case _CandleRecord():
                candle = self._check(key, record)
            case _RevisionRecord():
                candle = self._check(key, record.candle)
            case _PromotionRecord():
                return _check_promotion(key, record)
            case _:
                _check_key(key, record.symbol)
                _check_time(record.from_ms, "from_ms")
                _check_time(record.to_ms, "to_ms")
                if record.to_ms <= record.from_ms:
                    raise _RejectedError(Reason.TIME, f"to_ms is {record.to_ms}; it must be after from_ms, {record.from_ms}")
                return Gap(record.symbol, record.from_ms, record.to_ms, record.source, record.reason)
        if odd := _odd_number.search(value):
            text = odd[2].decode(errors="replace")
            raise _RejectedError(Reason.NOT_A_NUMBER, f"{odd[1].decode()} is {text!r:.60}; a number in ASCII digits is expected")
        return candle if isinstance(record, _CandleRecord) else Revision(candle)

    def _check(self, key: bytes, body: _CandleBody) -> Candle:
        _check_key(key, body.symbol)
        if body.interval_ms != MINUTE_MS:
            raise _RejectedError(Reason.INTERVAL, f"interval_ms is {body.interval_ms}; this version reads {MINUTE_MS}")
        _check_time(body.open_time_ms, "open_time_ms")
        decimals = self.price_decimals(body.symbol)
        open_ = _price_units(body.open, "open", decimals)
        high = _price_units(body.high, "high", decimals)
        low = _price_units(body.low, "low", decimals)
        close = _price_units(body.close, "close", decimals)
        if high < low:
            raise _RejectedError(Reason.HIGH_BELOW_LOW, f"high is {body.high}; it must not be below low, {body.low}")
        for name, units, price in (("open", open_, body.open), ("close", close, body.close)):
            if not low <= units <= high:
                detail = f"{name} is {price}; it must lie between low, {body.low}, and high, {body.high}"
                raise _RejectedError(Reason.OUTSIDE_RANGE, detail)
        for name, text in (("source", body.source), ("closed_by", body.closed_by)):
            if len(text) > MAX_SOURCE_CHARACTERS:
                detail = f"{name} has {len(text)} characters; at most {MAX_SOURCE_CHARACTERS} are allowed"
                raise _RejectedError(Reason.TOO_LARGE, detail)
        return Candle(
            body.symbol,
            body.open_time_ms,
            float(body.open),
            float(body.high),
            float(body.low),
            float(body.close),
            close,
            _volume(body.volume, "volume"),
            _volume(body.quote_volume, "quote_volume"),
            body.source,
            body.live,
            body.closed_by,
        )


@lru_cache(10_000)
def is_symbol(text: str) -> bool:
    """Return whether the text is a symbol: `BTCUSDT`, or with a venue `BTCUSDT.BINANCE`, of at most 40 characters.

    >>> is_symbol("BTCUSDT"), is_symbol("btc/usdt")
    (True, False)
    """
    return len(text) <= MAX_SYMBOL_CHARACTERS and _symbol_pattern.fullmatch(text) is not None


def refuse_unconfirmed(waited: Arrival, next_open_time_ms: int) -> Reject:
    """Return the reject of a candle whose date the next candle of its symbol did not confirm."""
    date, next_date = (_utc(time_ms) for time_ms in (waited.candle.open_time_ms, next_open_time_ms))
    detail = f"its date, {date}, stands alone: it does not follow the symbol's candles, and the next one, of {next_date}, not it"
    return refuse(Reason.UNCONFIRMED_DATE, detail, waited.candle.symbol.encode(), waited.value)


def _utc(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC"


def _undecodable(error: Exception, value: bytes) -> _RejectedError:
    """Return the rejection for an error of msgspec: another version, a field that should be a number, or msgspec's own words.

    msgspec stops at the first wrong field, so what follows it may be anything, even invalid JSON.
    """
    try:
        body = msgspec.json.decode(value)
        if isinstance(body, dict):
            version = body.get("v")
            if type(version) is int and version != VERSION:
                return _wrong_version(version)
            field = re.search(r"decimal.*`\$(\.candle)?\.(\w+)`", str(error))
            fields = body.get("candle") if field and field[1] else body
            if field and isinstance(fields, dict):
                return _RejectedError(Reason.NOT_A_NUMBER, f"{field[2]} is {fields.get(field[2])!r:.60}; a number is expected")
    except UNDECODABLE as deeper:
        error = deeper
    return _RejectedError(Reason.UNREADABLE, str(error) or type(error).__name__)


def _wrong_version(version: int) -> _RejectedError:
    return _RejectedError(Reason.VERSION, f"v is {version}; this version reads {VERSION}")


def _check_promotion(key: bytes, record: _PromotionRecord) -> Promotion:
    if key != PROMOTION_KEY:
        raise _RejectedError(Reason.KEY, f"the record's key is {key!r:.60}; of a promotion it must be {PROMOTION_KEY.decode()}")
    for symbol in record.symbols:
        _check_key(symbol.encode(errors="replace"), symbol)
    _check_time(record.from_ms, "from_ms")
    return Promotion(record.id, record.model, record.from_ms, record.symbols)


def _check_key(key: bytes, symbol: str) -> None:
    if not is_symbol(symbol):
        expected = f"[A-Z0-9]+ or SYMBOL.VENUE of at most {MAX_SYMBOL_CHARACTERS} characters is expected"
        raise _RejectedError(Reason.SYMBOL, f"symbol is {symbol!r:.60}; {expected}")
    if key != symbol.encode():
        raise _RejectedError(Reason.KEY, f"the record's key is {key!r:.60}; it must be the symbol, {symbol}")


def _check_time(time_ms: int, name: str) -> None:
    if not MIN_TIME_MS <= time_ms < MAX_TIME_MS:
        raise _RejectedError(Reason.TIME, f"{name} is {time_ms}; milliseconds of a time from 2009 to 2199 are expected")
    if time_ms % MINUTE_MS:
        raise _RejectedError(Reason.TIME, f"{name} is {time_ms}; a multiple of {MINUTE_MS} is expected")


def _price_units(price: Decimal, name: str, decimals: int) -> int:
    """Return price × 10^decimals, exactly."""
    if not price.is_finite():
        raise _RejectedError(Reason.NOT_A_NUMBER, f"{name} is {price}; a finite number is expected")
    if price <= 0:
        raise _RejectedError(Reason.NOT_POSITIVE, f"{name} is {price:.20g}; a price must be above 0")
    if price.adjusted() >= MAX_PRICE_DIGITS:
        raise _RejectedError(Reason.TOO_LARGE, f"{name} is {price:.20g}; a price must be below 10^{MAX_PRICE_DIGITS}")
    try:
        scaled = price.scaleb(decimals, _EXACT)
    except Inexact:
        scaled = Decimal("0.5")
    units = int(scaled)
    if units != scaled or (units >= 10**MAX_PRICE_DIGITS and len(str(units).rstrip("0")) > MAX_PRICE_DIGITS):
        limits = f"at most {decimals} decimals and {MAX_PRICE_DIGITS} significant digits are allowed"
        raise _RejectedError(Reason.TOO_FINE, f"{name} is {price!s:.60}; {limits}")
    return units


def _volume(volume: Decimal, name: str) -> float:
    if not volume.is_finite():
        raise _RejectedError(Reason.NOT_A_NUMBER, f"{name} is {volume}; a finite number is expected")
    if volume < 0:
        raise _RejectedError(Reason.NOT_POSITIVE, f"{name} is {volume:.20g}; a volume must not be below 0")
    if volume.adjusted() >= MAX_VOLUME_DIGITS and volume:
        raise _RejectedError(Reason.TOO_LARGE, f"{name} is {volume:.20g}; a volume must be below 10^{MAX_VOLUME_DIGITS}")
    return float(volume)
