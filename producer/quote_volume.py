"""What was traded in the quote currency, of venues that don't tell it."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

from .feeds.contract import VenueCandle

_EIGHT_DECIMALS = Decimal("1e-8")
_CONTEXT = Context(prec=80, rounding=ROUND_HALF_EVEN)


def quote_volume_of(candle: VenueCandle) -> Decimal:
    """As the venue tells it; else the volume at the mean of open, high, low and close, rounded to 8 decimals."""
    if candle.quote_volume is not None:
        return candle.quote_volume
    with_four = _CONTEXT.add(_CONTEXT.add(candle.open, candle.high), _CONTEXT.add(candle.low, candle.close))
    return _CONTEXT.quantize(_CONTEXT.divide(_CONTEXT.multiply(candle.volume, with_four), Decimal(4)), _EIGHT_DECIMALS)
