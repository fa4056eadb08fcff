"""A closed candle on its way to the log, and how it was known to be closed."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from producer.feeds.contract import VenueCandle
from volcast.core.codec import LiveCandleText, encode_candle, encode_gap, encode_revision
from volcast.core.types import MINUTE_MS, Gap
from volcast.log.contract import KeyValue

_VOLUME_TOLERANCE = Decimal("1e-6")
"""Relative: venues round volumes in their candles of the past otherwise than in their streams."""


class ClosedBy(StrEnum):
    """How a producer knew that a candle was closed."""

    FLAG = "flag"
    """The venue said so in the stream."""
    LATER_TRADE = "later_trade"
    """Built from trades: one came that was later than the minute's end and a grace, and none was missing."""
    REST = "rest"
    """The venue's own candle of the past, once the venue's clock was past its end."""
    WATERMARK = "watermark"
    """Built from trades: the line was alive after the minute's end, the pair trades rarely, and the venue would not answer."""


BUILT = frozenset({ClosedBy.LATER_TRADE, ClosedBy.WATERMARK})
"""Our sums over trades, not the venue's word."""


class ClosedCandle(Struct, frozen=True):
    """A closed one-minute candle."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    closed_by: ClosedBy
    synthetic: bool = False
    """The minute had no trade and the venue has no candle of it: flat at the last close, without volume."""
    sent_ms: int | None = None
    """When the venue sent what closed it, by its clock; None where it doesn't tell."""
    received_ms: int | None = None
    """When that was here, by the clock of this machine."""

    @property
    def end_ms(self) -> int:
        """Where the next minute begins."""
        return self.open_time_ms + MINUTE_MS

    def differs(self, other: "ClosedCandle") -> bool:
        """It is another candle: other prices, or another volume by more than rounding."""
        if (self.open, self.high, self.low, self.close) != (other.open, other.high, other.low, other.close):
            return True
        return abs(self.volume - other.volume) > _VOLUME_TOLERANCE * max(self.volume, other.volume)


def closed_candle_of(candle: VenueCandle, closed_by: ClosedBy) -> ClosedCandle:
    """-> the same, closed."""
    return ClosedCandle(
        candle.open_time_ms,
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        quote_volume_of(candle),
        closed_by,
    )


def flat_candle(open_time_ms: int, close: Decimal, closed_by: ClosedBy) -> ClosedCandle:
    """-> the candle of a minute without trades, after a `close`."""
    nothing = Decimal(0)
    return ClosedCandle(open_time_ms, close, close, close, close, nothing, nothing, closed_by, synthetic=True)


def with_latency(bar: ClosedCandle, sent_ms: int | None, received_ms: int) -> ClosedCandle:
    """-> the same with the times of the frame that closed it."""
    return replace(bar, sent_ms=sent_ms, received_ms=received_ms)


class MissingMinutes(NamedTuple):
    """Minutes that can't be had: the first missing, and the first present one after them."""

    from_ms: int
    to_ms: int
    reason: str


class RevisedCandle(NamedTuple):
    """The venue's later word on a candle that was written."""

    bar: ClosedCandle


CandleEvent = ClosedCandle | MissingMinutes | RevisedCandle


def record_of(out: CandleEvent, symbol: str, venue: str) -> KeyValue:
    """-> key and value; `symbol` as on the log, `BTCUSDT.BINANCE`."""
    if isinstance(out, ClosedCandle):
        value = encode_candle(_text_of(out, symbol, venue))
    elif isinstance(out, MissingMinutes):
        value = encode_gap(Gap(symbol, out.from_ms, out.to_ms, venue, out.reason))
    else:
        value = encode_revision(_text_of(out.bar, symbol, venue))
    return KeyValue(symbol.encode(), value)


def _text_of(bar: ClosedCandle, symbol: str, venue: str) -> LiveCandleText:
    return LiveCandleText(
        symbol,
        bar.open_time_ms,
        _plain(bar.open),
        _plain(bar.high),
        _plain(bar.low),
        _plain(bar.close),
        _plain(bar.volume),
        _plain(bar.quote_volume),
        venue,
        bar.closed_by.value,
        live=True,
        synthetic=bar.synthetic,
        sent_ms=bar.sent_ms,
        received_ms=bar.received_ms,
    )


def _plain(number: Decimal) -> str:
    """The digits as the venue wrote them, without an exponent."""
    return format(number, "f")


_EIGHT_DECIMALS = Decimal("1e-8")
_CONTEXT = Context(prec=80, rounding=ROUND_HALF_EVEN)


def quote_volume_of(candle: VenueCandle) -> Decimal:
    """As the venue tells it; else the volume at the mean of open, high, low and close, rounded to 8 decimals."""
    if candle.quote_volume is not None:
        return candle.quote_volume
    with_four = _CONTEXT.add(_CONTEXT.add(candle.open, candle.high), _CONTEXT.add(candle.low, candle.close))
    return _CONTEXT.quantize(_CONTEXT.divide(_CONTEXT.multiply(candle.volume, with_four), Decimal(4)), _EIGHT_DECIMALS)
