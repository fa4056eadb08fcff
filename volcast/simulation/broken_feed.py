"""A feed that is broken at known times: it changes the candles of a simulated market, and the market goes on behind it.

It is a file of its own because it works on finished candles, one after the other, and knows nothing of how they were made.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from .breaks import BREAK_RULES, Break, BreakKind
from .candle import SimulatedCandle, quote_text


def broken_feed(candles: Iterable[SimulatedCandle], breaks: Iterable[Break]) -> Iterator[SimulatedCandle]:
    """Yield what the feed reports of the candles. The breaks are those of one symbol, and do not overlap."""
    pending = sorted((each for each in breaks if BREAK_RULES[each.kind].in_feed), key=lambda each: each.at_ms)
    last_good: SimulatedCandle | None = None
    for candle in candles:
        while pending and pending[0].end_ms <= candle.open_time_ms:
            pending.pop(0)
        if not pending or candle.open_time_ms < pending[0].at_ms:
            last_good = candle
            yield candle
        elif pending[0].kind is not BreakKind.MISSING_MINUTES:
            yield _broken(candle, pending[0], last_good or candle)


def _broken(candle: SimulatedCandle, broken: Break, last_good: SimulatedCandle) -> SimulatedCandle:
    """Return a candle as the feed reports it; its true volatility stays that of the market."""
    if broken.kind is BreakKind.REPEATED_CANDLE:
        return last_good._replace(open_time_ms=candle.open_time_ms, true_volatility=candle.true_volatility)
    if broken.kind is BreakKind.FROZEN_PRICE:
        price = last_good.close
        return _with_prices(candle, price, price, price, price)
    close = _times(candle.close, broken.number or 1.0)
    high, low = max(candle.high, close, key=Decimal), min(candle.low, close, key=Decimal)
    return _with_prices(candle, candle.open, high, low, close)


def _with_prices(candle: SimulatedCandle, open_: str, high: str, low: str, close: str) -> SimulatedCandle:
    quote = quote_text(float(candle.volume), (float(open_) + float(high) + float(low) + float(close)) / 4.0)
    return candle._replace(open=open_, high=high, low=low, close=close, quote_volume=quote)


def _times(price: str, factor: float) -> str:
    """Return the price times the factor, with as many decimals as it had, and at least one tick."""
    tick = Decimal(1).scaleb(int(Decimal(price).as_tuple().exponent))
    return str(max((Decimal(price) * Decimal(repr(factor))).quantize(tick), tick))
