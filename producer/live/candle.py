"""The values that travel to the log: closed candles, missing minutes and revised candles, and the records that they become."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from producer.feeds.contract import VenueCandle
from volcast.core.codec import LiveCandleText, encode_candle, encode_gap, encode_revision
from volcast.core.types import MINUTE_MS, Gap
from volcast.log.contract import KeyValue

_EIGHT_DECIMALS = Decimal("1e-8")
_CONTEXT = Context(prec=80, rounding=ROUND_HALF_EVEN)
_VOLUME_TOLERANCE = Decimal("1e-6")
"""Relative. Venues round the volumes in their past candles differently from those in their streams."""


class ClosedBy(StrEnum):
    """How the producer knew that a candle was closed."""

    FLAG = "flag"
    """The venue's stream marked it as closed."""
    LATER_TRADE = "later_trade"
    """Built from trades: a trade came that was later than the minute's end by a grace period, and no trade was missing."""
    REST = "rest"
    """The venue's own past candle, requested over HTTP once the venue's clock was past its end."""
    WATERMARK = "watermark"
    """Built from trades: the connection was alive after the minute's end, the pair trades rarely, the venue did not answer."""


BUILT = frozenset({ClosedBy.LATER_TRADE, ClosedBy.WATERMARK})
"""Candles that were summed up here from trades, and not sent by the venue."""


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
    """True for a minute without a trade, of which the venue has no candle: flat at the last close, without volume."""
    sent_ms: int | None = None
    """When the venue sent the frame that closed it, by the venue's clock; None if the frame does not say."""
    received_ms: int | None = None
    """When that frame was received, by this machine's clock."""

    @property
    def end_ms(self) -> int:
        """The opening time of the next minute."""
        return self.open_time_ms + MINUTE_MS

    def differs_from(self, other: "ClosedCandle") -> bool:
        """Return whether the prices differ, or the volumes by more than rounding."""
        if (self.open, self.high, self.low, self.close) != (other.open, other.high, other.low, other.close):
            return True
        return abs(self.volume - other.volume) > _VOLUME_TOLERANCE * max(self.volume, other.volume)


def closed_candle_of(candle: VenueCandle, closed_by: ClosedBy) -> ClosedCandle:
    """Return the venue's candle as a closed one."""
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
    """Return the candle of a minute without trades: flat at the `close` before it."""
    nothing = Decimal(0)
    return ClosedCandle(open_time_ms, close, close, close, close, nothing, nothing, closed_by, synthetic=True)


def with_latency(candle: ClosedCandle, sent_ms: int | None, received_ms: int) -> ClosedCandle:
    """Return the candle with the times of the frame that closed it."""
    return replace(candle, sent_ms=sent_ms, received_ms=received_ms)


class MissingMinutes(NamedTuple):
    """Minutes that the venue did not deliver: a `gap` record on the log."""

    from_ms: int
    """The first missing minute."""
    to_ms: int
    """The first minute after them that is not missing."""
    reason: str


class RevisedCandle(NamedTuple):
    """A candle that the venue has changed after it was written: a `revision` record on the log."""

    candle: ClosedCandle


CandleEvent = ClosedCandle | MissingMinutes | RevisedCandle


def record_of(event: CandleEvent, symbol: str, venue: str) -> KeyValue:
    """Return the record of an event, for the topic of candles. `symbol` is the one on the log, as `BTCUSDT.BINANCE`."""
    if isinstance(event, ClosedCandle):
        value = encode_candle(_text_of(event, symbol, venue))
    elif isinstance(event, MissingMinutes):
        value = encode_gap(Gap(symbol, event.from_ms, event.to_ms, venue, event.reason))
    else:
        value = encode_revision(_text_of(event.candle, symbol, venue))
    return KeyValue(symbol.encode(), value)


def _text_of(candle: ClosedCandle, symbol: str, venue: str) -> LiveCandleText:
    return LiveCandleText(
        symbol,
        candle.open_time_ms,
        _plain(candle.open),
        _plain(candle.high),
        _plain(candle.low),
        _plain(candle.close),
        _plain(candle.volume),
        _plain(candle.quote_volume),
        venue,
        candle.closed_by.value,
        live=True,
        synthetic=candle.synthetic,
        sent_ms=candle.sent_ms,
        received_ms=candle.received_ms,
    )


def _plain(number: Decimal) -> str:
    """Return the digits as the venue wrote them, without an exponent."""
    return format(number, "f")


def quote_volume_of(candle: VenueCandle) -> Decimal:
    """Return the venue's own quote volume; without one, the volume times the mean of open, high, low and close, to 8 decimals."""
    if candle.quote_volume is not None:
        return candle.quote_volume
    four_prices = _CONTEXT.add(_CONTEXT.add(candle.open, candle.high), _CONTEXT.add(candle.low, candle.close))
    return _CONTEXT.quantize(_CONTEXT.divide(_CONTEXT.multiply(candle.volume, four_prices), Decimal(4)), _EIGHT_DECIMALS)
