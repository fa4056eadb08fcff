"""Sums over the trades of a minute in integers, and a candle's numbers as text."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

SIZE_DECIMALS = 8
"""Of volumes, and of quote volumes after rounding."""


class CandleVersion(NamedTuple):
    """What the exchange says of a minute, and since when."""

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
    """Of its trades; -1 where there is none."""
    last_id: int
    since_ms: int
    """The true wall time, milliseconds since 1970-01-01 UTC, from when on it is the exchange's word."""


class Sums(NamedTuple):
    """Prices in ticks, volume in 10⁻⁸, quote volume in ticks × 10⁻⁸."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int
    first_id: int
    last_id: int


def sums_of(trades: Sequence[tuple[int, int, int]], ids: Sequence[int], last_ticks: int) -> Iterator[Sums]:
    """Before the first of `trades` (time, ticks, size; in order of time), and after each one; `last_ticks`: the last close."""
    yield Sums(last_ticks, last_ticks, last_ticks, last_ticks, 0, 0, 0, -1, -1)
    volume = quote = 0
    open_ = high = low = 0
    for count, ((_, ticks, size), trade_id) in enumerate(zip(trades, ids, strict=True), start=1):
        if count == 1:
            open_ = high = low = ticks
        high, low = max(high, ticks), min(low, ticks)
        volume += size
        quote += ticks * size
        yield Sums(open_, high, low, ticks, volume, quote, count, ids[0], trade_id)


def version_of(sums: Sums, price_decimals: int, since_ms: int) -> CandleVersion:
    """The same numbers as text."""
    prices = [decimal_text(ticks, price_decimals) for ticks in sums[:4]]
    quote = decimal_text(_rounded(sums.quote, 10**price_decimals), SIZE_DECIMALS)
    open_, high, low, close = prices
    volume = decimal_text(sums.volume, SIZE_DECIMALS)
    return CandleVersion(open_, high, low, close, volume, quote, sums.trades, sums.first_id, sums.last_id, since_ms)


def decimal_text(units: int, decimals: int) -> str:
    """Of a number that is not negative.

    >>> decimal_text(1234, 2), decimal_text(5, 8), decimal_text(7, 0)
    ('12.34', '0.00000005', '7')
    """
    if not decimals:
        return str(units)
    whole, part = divmod(units, 10**decimals)
    return f"{whole}.{part:0{decimals}d}"


def _rounded(numerator: int, denominator: int) -> int:
    """Half to even."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2))
