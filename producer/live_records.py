"""What a series says -> records of `candles`."""

from decimal import Decimal

from volcast.core.codec import LiveCandleText, encode_candle, encode_gap, encode_revision
from volcast.core.types import Gap
from volcast.log.contract import KeyValue

from .bar import Bar
from .series import Hole, Out


def record_of(out: Out, symbol: str, venue: str) -> KeyValue:
    """-> key and value; `symbol` as on the log, `BTCUSDT.BINANCE`."""
    if isinstance(out, Bar):
        value = encode_candle(_text_of(out, symbol, venue))
    elif isinstance(out, Hole):
        value = encode_gap(Gap(symbol, out.from_ms, out.to_ms, venue, out.reason))
    else:
        value = encode_revision(_text_of(out.bar, symbol, venue))
    return KeyValue(symbol.encode(), value)


def _text_of(bar: Bar, symbol: str, venue: str) -> LiveCandleText:
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
