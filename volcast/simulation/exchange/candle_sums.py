"""Integer sums over the trades of a minute, and a candle's numbers as text."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

SIZE_DECIMALS = 8
"""The decimals of volumes, and of quote volumes after rounding."""


class CandleVersion(NamedTuple):
    """One version of a minute's candle as the exchange publishes it."""

    open: str
    high: str
    low: str
    close: str
    volume: str
    """In the base currency."""
    quote_volume: str
    """In the quote currency: the exact sum of price × size, rounded to 8 decimals."""
    trades: int
    first_id: int
    """The id of its first trade; -1 where there is none."""
    last_id: int
    since_ms: int
    """True wall time in milliseconds since 1970-01-01 UTC: when this version is published."""


class CandleSums(NamedTuple):
    """A candle in integers: prices in ticks, volume in 10⁻⁸, quote volume in ticks × 10⁻⁸."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int
    first_id: int
    last_id: int


def running_sums(trades: Sequence[tuple[int, int, int]], ids: Sequence[int], last_ticks: int) -> Iterator[CandleSums]:
    """Return the sums before the first of `trades` and after each one.

    `trades` are (time, ticks, size), in order of time; `last_ticks` is the close of the minute before.
    """
    yield CandleSums(last_ticks, last_ticks, last_ticks, last_ticks, 0, 0, 0, -1, -1)
    volume = quote = 0
    open_ = high = low = 0
    for count, ((_, ticks, size), trade_id) in enumerate(zip(trades, ids, strict=True), start=1):
        if count == 1:
            open_ = high = low = ticks
        high, low = max(high, ticks), min(low, ticks)
        volume += size
        quote += ticks * size
        yield CandleSums(open_, high, low, ticks, volume, quote, count, ids[0], trade_id)


def version_of(sums: CandleSums, price_decimals: int, since_ms: int) -> CandleVersion:
    """Return the same numbers as text."""
    prices = [decimal_text(ticks, price_decimals) for ticks in sums[:4]]
    quote = decimal_text(_rounded(sums.quote, 10**price_decimals), SIZE_DECIMALS)
    open_, high, low, close = prices
    volume = decimal_text(sums.volume, SIZE_DECIMALS)
    return CandleVersion(open_, high, low, close, volume, quote, sums.trades, sums.first_id, sums.last_id, since_ms)


def decimal_text(units: int, decimals: int) -> str:
    """Return `units` × 10^-`decimals` as text; `units` is not negative.

    >>> decimal_text(1234, 2), decimal_text(5, 8), decimal_text(7, 0)
    ('12.34', '0.00000005', '7')
    """
    if not decimals:
        return str(units)
    quotient, part = divmod(units, 10**decimals)
    return f"{quotient}.{part:0{decimals}d}"


def _rounded(numerator: int, denominator: int) -> int:
    """Return the quotient, rounded half to even."""
    quotient, remainder = divmod(numerator, denominator)
    return quotient + (2 * remainder > denominator or (2 * remainder == denominator and quotient % 2))
