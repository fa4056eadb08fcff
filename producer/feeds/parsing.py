"""Helpers of the venues' parsers: decoding JSON, checking numbers, times and prices, and building candles and trades.

Every function here raises FrameError and no other exception.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw

from volcast.core.codec import MAX_TIME_MS
from volcast.core.types import MINUTE_MS

from .contract import FrameError, OddRow, VenueCandle, VenuePage, VenueTrade

T = TypeVar("T")

NUMBER = r"[0-9]{1,20}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?"
Number = Annotated[str, Meta(pattern=rf"\A{NUMBER}\Z")]
"""A number as text. Without the pattern, Decimal would accept `NaN`, `1_0`, ` 1` and the digits of other scripts."""
Digits = Annotated[str, Meta(pattern=r"\A[0-9]{1,19}\Z")]
"""A non-negative integer as text."""
NumberRow = tuple[str, str, str, str, str, str | None]
"""Open, high, low, close, volume, and the quote volume or None: numbers as text."""
Integer = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class TimeKey(NamedTuple):
    """Where the rows of a venue's pages have their opening time."""

    where: Any
    """An index or a name."""
    unit_ms: int = 1


_UNDECODABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
"""The errors of invalid JSON: also ValueError, for text that is not UTF-8 and for endless integers, and the two for endless
nesting.
"""
_MICROSECONDS_FROM = 10**15
"""Timestamps from here on are microseconds: as milliseconds this is after the year 30 000, as microseconds it is in 2001."""
_PRICE_BELOW = Decimal(10**15)
_VOLUME_BELOW = Decimal(10**24)
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}):([0-5][0-9])(?:\.([0-9]{1,9}))?(?:Z|\+00:00)")
_number = re.compile(NUMBER)
_integer = re.compile(r"[0-9]{1,19}")


def decode_frame(decoder: msgspec.json.Decoder[T], text: str | bytes) -> T:
    """Return the decoded frame, or part of a frame (`Raw`). Raise FrameError if it is not of the decoder's type."""
    try:
        return decoder.decode(text)
    except _UNDECODABLE as error:
        raise FrameError(str(error) or type(error).__name__) from None


def raw_number(raw: Raw) -> str:
    """Return the text of a JSON number, quoted or not, so that it becomes a Decimal without passing through a float."""
    text = bytes(raw).decode(errors="replace").strip('"')
    if _number.fullmatch(text) is None:
        raise FrameError("a field is not a plain number")
    return text


def time_us(stamp: int) -> int:
    """Return microseconds since 1970 for a timestamp in milliseconds or microseconds, which its size tells apart."""
    us = stamp if stamp >= _MICROSECONDS_FROM else stamp * 1_000
    if not 0 <= us < MAX_TIME_MS * 1_000:
        raise FrameError("a time lies outside the years 1970 to 2200")
    return us


def time_ms(stamp: int) -> int:
    """Return milliseconds since 1970 for a timestamp in milliseconds or microseconds, which its size tells apart."""
    return time_us(stamp) // 1_000


def moment_us(text: str) -> int:
    """Return microseconds since 1970 for an RFC 3339 time in UTC.

    Nanoseconds are cut off, not rounded: rounding could move a trade into the next minute.
    """
    parts = _MOMENT.fullmatch(text)
    if parts is None:
        raise FrameError("a time is not like 2026-04-07T14:30:02.789012Z")
    minute, second, fraction = parts.groups(default="")
    us = _minute_us(minute) + int(second) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
    if not 0 <= us < MAX_TIME_MS * 1_000:
        raise FrameError("a time lies outside the years 1970 to 2200")
    return us


@lru_cache(maxsize=256)
def _minute_us(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError:
        raise FrameError("a time is not in the calendar") from None


def price_of(text: str) -> Decimal:
    """Return the price. Raise FrameError unless 0 < price < 10^15."""
    price = Decimal(text)
    if not 0 < price < _PRICE_BELOW:
        raise FrameError("a price is not between 0 and 10^15")
    return price


def volume_of(text: str) -> Decimal:
    """Return the volume. Raise FrameError unless 0 <= volume < 10^24; some venues round tiny trades to 0."""
    volume = Decimal(text)
    if not 0 <= volume < _VOLUME_BELOW:
        raise FrameError("a volume is not between 0 and 10^24")
    return volume


def candle(pair: str, open_us: int, numbers: NumberRow, *, closed: bool = True) -> VenueCandle:
    """Return a one-minute candle. Raise FrameError if it does not open on the minute, or a number is implausible.

    `open_us` comes from `time_us` or `moment_us`.
    """
    open_time_ms, finer_us = divmod(open_us, 1_000)
    if finer_us or open_time_ms % MINUTE_MS:
        raise FrameError("a candle does not open on the minute")
    open_, high, low, close, volume, quote = numbers
    prices = price_of(open_), price_of(high), price_of(low), price_of(close)
    quote_volume = None if quote is None else volume_of(quote)
    made = VenueCandle(pair, open_time_ms, *prices, volume_of(volume), quote_volume, closed)
    if made.high < made.low:
        raise FrameError("a candle's high is below its low")
    if not (made.low <= made.open <= made.high and made.low <= made.close <= made.high):
        raise FrameError("a candle's open or close is not between its low and its high")
    return made


def page_of(
    rows: list[Raw], decoder: msgspec.json.Decoder[T], candle_of: Callable[[T], VenueCandle], time_key: TimeKey
) -> VenuePage:
    """Return the candles of these rows, and those rows that give none. Raise FrameError if no row has even a time.

    `time_key` says where a row has its opening time, which is needed if the rest of the row can't be read.
    """
    page = VenuePage([], [])
    for row in rows:
        try:
            page.candles.append(candle_of(decode_frame(decoder, row)))
        except FrameError as error:
            page.odd.append(OddRow(_row_time_ms(row, time_key), str(error)))
    if not page.candles and any(row.open_ms is None for row in page.odd):
        raise FrameError(f"no row can be read: {page.odd[0].reason}")
    return without_conflicts(page)


def without_conflicts(page: VenuePage) -> VenuePage:
    """Return the page with each candle once. Two different ones of a minute become an odd row: neither is known to be right."""
    by_time: dict[int, VenueCandle] = {}
    conflicts: set[int] = set()
    for candle in page.candles:
        if by_time.setdefault(candle.open_time_ms, candle) != candle:
            conflicts.add(candle.open_time_ms)
    candles = [candle for time, candle in by_time.items() if time not in conflicts]
    return VenuePage(candles, page.odd + [OddRow(time, "there are two different rows of a minute") for time in sorted(conflicts)])


def _row_time_ms(row: Raw, time_key: TimeKey) -> int | None:
    """Return the opening time of a row of any shape; None if it can't be read."""
    try:
        cells = msgspec.json.decode(row)
        stamp = cells[time_key.where]
        return time_ms(int(stamp) * time_key.unit_ms) if type(stamp) in {int, str} and is_integer(str(stamp)) else None
    except (*_UNDECODABLE, FrameError, LookupError, TypeError):
        return None


def trade(pair: str, trade_id: int, at_us: int, price: str, size: str) -> VenueTrade:
    """Return a trade of these numbers; `at_us` comes from `time_us` or `moment_us`."""
    return VenueTrade(pair, trade_id, at_us, price_of(price), volume_of(size))


def shortened(words: str) -> str:
    """Return a venue's own text for a message to the user: one printable line of at most 200 characters."""
    printable = "".join(character for character in " ".join(words.split()) if character.isprintable())
    return printable.strip()[:200] or "without a reason"


def encode_message(message: object) -> str:
    """Return the JSON text of a message to the venue."""
    return msgspec.json.encode(message).decode()


def batches(pairs: Sequence[str], size: int) -> list[list[str]]:
    """Return the pairs in order, in groups of at most `size`."""
    return [list(pairs[start : start + size]) for start in range(0, len(pairs), size)]


def is_integer(text: str) -> bool:
    """Return whether the text is an integer of at most 19 digits."""
    return _integer.fullmatch(text) is not None
