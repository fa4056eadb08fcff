"""Records of `candles` -> values, or rejects with a reason: judges everything that needs no memory.

A price is a decimal number, as text or as a JSON number, with at most 15 significant digits and as many decimals as its symbol
may have: then price × 10^decimals is an integer, and the float nearest to it prints as the same text. A finer one is
refused, never rounded.
"""

import re
from collections.abc import Mapping
from decimal import Context, Decimal, Inexact
from math import isfinite

import msgspec
from msgspec import Struct

from .codec import UNDECODABLE, VERSION, Reason, Reject, read_origin
from .types import MINUTE_MS, Candle, Gap, Revision

MAX_PRICE_DECIMALS = 12
MAX_PRICE_DIGITS = 15
MAX_RECORD_BYTES = 65_536
MAX_SYMBOL_CHARACTERS = 40
MAX_KEPT_BYTES = 600_000
"""Of a rejected record; as base64 it stays below the 1 MB that Kafka takes by default."""
MAX_NESTING = 64
"""Brackets in a record: whether a deeper one can be read would depend on how deep the call stack is that reads it."""
MAX_TIME_MS = 7_258_118_400_000
"""2200-01-01."""

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


class _Refused(Exception):
    """The way from the check that failed to the `Reject`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


_record_decoder = msgspec.json.Decoder(_CandleRecord | _GapRecord | _RevisionRecord)
_odd_number = re.compile(rb'"(open|high|low|close|volume|quote_volume)"\s*:\s*"([^"]*[^0-9.eE+"-][^"]*)"')
"""What Python's Decimal takes and others would not: `4_2`, ` 42 `, digits of other scripts."""
_symbol_pattern = re.compile(r"[A-Z0-9]+(\.[A-Z0-9]+)?")


class Decoder:
    """Records of `candles` -> values or rejects. It knows how many decimals a symbol's prices may have: at most 12."""

    def __init__(self, price_decimals: int = 8, by_symbol: Mapping[str, int] | None = None) -> None:
        self._decimals = price_decimals
        self._by_symbol = dict(by_symbol or {})
        if not all(0 <= decimals <= MAX_PRICE_DECIMALS for decimals in (price_decimals, *self._by_symbol.values())):
            raise ValueError(f"a price has 0 to {MAX_PRICE_DECIMALS} decimals")

    @property
    def settings(self) -> tuple[int, dict[str, int]]:
        """Decimals of prices in general, and by symbol."""
        return self._decimals, self._by_symbol

    def price_decimals(self, symbol: str) -> int:
        """The symbol's."""
        return self._by_symbol.get(symbol, self._decimals)

    def decode(self, key: bytes, value: bytes) -> Candle | Gap | Revision | Reject:
        """Whatever the bytes are: one of these, never an exception."""
        try:
            return self._decode(key, value)
        except _Refused as refused:
            return refuse(refused.reason, str(refused), key, value)

    def _decode(self, key: bytes, value: bytes) -> Candle | Gap | Revision:
        if len(value) > MAX_RECORD_BYTES:
            raise _Refused(Reason.TOO_LARGE, f"a record of {len(value)} bytes; at most {MAX_RECORD_BYTES}")
        if value.count(b"[") + value.count(b"{") > MAX_NESTING:
            raise _Refused(Reason.UNREADABLE, f"more than {MAX_NESTING} brackets: no record has so many")
        try:
            record = _record_decoder.decode(value)
        except UNDECODABLE as error:
            raise _not_decoded(error, value) from error
        if record.v != VERSION:
            raise _other_version(record.v)
        match record:
            case _CandleRecord():
                candle = self._check(key, record)
            case _RevisionRecord():
                candle = self._check(key, record.candle)
            case _:
                _check_key(key, record.symbol)
                _check_time(record.from_ms, "from_ms")
                _check_time(record.to_ms, "to_ms")
                if record.to_ms <= record.from_ms:
                    raise _Refused(Reason.TIME, f"to_ms {record.to_ms} is not after from_ms {record.from_ms}")
                return Gap(record.symbol, record.from_ms, record.to_ms, record.source, record.reason)
        if odd := _odd_number.search(value):
            raise _Refused(
                Reason.NOT_A_NUMBER, f"{odd[1].decode()} is {odd[2].decode(errors='replace')!r:.60}, not a plain number"
            )
        return candle if isinstance(record, _CandleRecord) else Revision(candle)

    def _check(self, key: bytes, body: _CandleBody) -> Candle:
        _check_key(key, body.symbol)
        if body.interval_ms != MINUTE_MS:
            raise _Refused(Reason.INTERVAL, f"interval_ms is {body.interval_ms}; this version reads {MINUTE_MS}")
        _check_time(body.open_time_ms, "open_time_ms")
        decimals = self.price_decimals(body.symbol)
        _price_units(body.open, "open", decimals)
        high = _price_units(body.high, "high", decimals)
        low = _price_units(body.low, "low", decimals)
        close = _price_units(body.close, "close", decimals)
        if high < low:
            raise _Refused(Reason.HIGH_BELOW_LOW, f"high {body.high} is below low {body.low}")
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


def is_symbol(text: str) -> bool:
    """`BTCUSDT`, or `BTCUSDT.BINANCE`.

    >>> is_symbol("BTCUSDT"), is_symbol("btc/usdt")
    (True, False)
    """
    return len(text) <= MAX_SYMBOL_CHARACTERS and _symbol_pattern.fullmatch(text) is not None


def refuse(reason: Reason, detail: str, key: bytes, value: bytes) -> Reject:
    """-> a reject that names its origin as far as the record tells; a revision's stands in its candle.

    Of a huge record only the beginning is kept: in base64 the reject must fit into the log that took the record.
    """
    origin = read_origin(value)
    inner = origin.candle if isinstance(origin.candle, dict) else {}
    symbol, source, line = (
        inner.get(name) if outer is None else outer
        for name, outer in (("symbol", origin.symbol), ("source", origin.source), ("line", origin.line))
    )
    return Reject(
        reason,
        detail,
        key[:MAX_KEPT_BYTES],
        value[:MAX_KEPT_BYTES],
        symbol if isinstance(symbol, str) else None,
        source if isinstance(source, str) else None,
        line if type(line) is int else None,  # `true` is an int to Python and none to JSON
    )


def refuse_jump(open_time_ms: int, last_open_time_ms: int, key: bytes, value: bytes) -> Reject:
    """-> the reject of a candle that an engine found too far ahead of its symbol's last one."""
    days = (open_time_ms - last_open_time_ms) / 86_400_000
    detail = f"open_time_ms {open_time_ms} is {days:.1f} days after the symbol's last; believed once the next candle follows it"
    return refuse(Reason.TOO_FAR_AHEAD, detail, key, value)


def _not_decoded(error: Exception, value: bytes) -> _Refused:
    """A sentence for what msgspec found: another version's record as such, a field's value where a number was expected.

    msgspec stops at the first wrong field, so what follows it may be anything, or no JSON at all.
    """
    try:
        body = msgspec.json.decode(value)
        if isinstance(body, dict):
            version = body.get("v")
            if type(version) is int and version != VERSION:
                return _other_version(version)
            field = re.search(r"decimal.*`\$(\.candle)?\.(\w+)`", str(error))
            fields = body.get("candle") if field and field[1] else body
            if field and isinstance(fields, dict):
                return _Refused(Reason.NOT_A_NUMBER, f"{field[2]} is {fields.get(field[2])!r:.60}, not a number")
    except UNDECODABLE as deeper:
        error = deeper
    return _Refused(Reason.UNREADABLE, str(error) or type(error).__name__)


def _other_version(version: int) -> _Refused:
    return _Refused(Reason.VERSION, f"v is {version}; this version reads {VERSION}")


def _check_key(key: bytes, symbol: str) -> None:
    if not is_symbol(symbol):
        raise _Refused(
            Reason.SYMBOL, f"symbol is {symbol!r:.60}; expected [A-Z0-9]+ or SYMBOL.VENUE, at most {MAX_SYMBOL_CHARACTERS}"
        )
    if key != symbol.encode():
        raise _Refused(Reason.KEY, f"the record's key is {key!r:.60}, its symbol {symbol}")


def _check_time(time_ms: int, name: str) -> None:
    if not 0 <= time_ms < MAX_TIME_MS:
        raise _Refused(Reason.TIME, f"{name} {time_ms} is not between the years 1970 and 2200")
    if time_ms % MINUTE_MS:
        raise _Refused(Reason.TIME, f"{name} {time_ms} is not the beginning of a minute")


def _price_units(price: Decimal, name: str, decimals: int) -> int:
    """-> price × 10^decimals, exactly."""
    if not price.is_finite():
        raise _Refused(Reason.NOT_A_NUMBER, f"{name} is {price}; a finite number is expected")
    if price <= 0:
        raise _Refused(Reason.NOT_POSITIVE, f"{name} is {price:.20g}; a price is above 0")
    if price.adjusted() >= MAX_PRICE_DIGITS:
        raise _Refused(Reason.TOO_LARGE, f"{name} is {price:.20g}; a price is below 10^{MAX_PRICE_DIGITS}")
    try:
        scaled = price.scaleb(decimals, _EXACT)
    except Inexact:
        scaled = Decimal("0.5")
    units = int(scaled)
    if units != scaled or (units >= 10**MAX_PRICE_DIGITS and len(str(units).rstrip("0")) > MAX_PRICE_DIGITS):
        raise _Refused(
            Reason.TOO_FINE, f"{name} is {price!s:.60}; at most {decimals} decimals and {MAX_PRICE_DIGITS} significant digits"
        )
    return units


def _volume(volume: Decimal, name: str) -> float:
    value = float(volume) if volume.is_finite() else float("nan")
    if not isfinite(value):
        raise _Refused(Reason.NOT_A_NUMBER, f"{name} is {volume:.20g}; a finite number is expected")
    if value < 0:
        raise _Refused(Reason.NOT_POSITIVE, f"{name} is {volume:.20g}; a volume is not below 0")
    return value
