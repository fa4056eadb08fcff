"""What the venues' files share: decoding that fails in one way, numbers that are plain, times and prices that can be.

Everything here raises FrameError and nothing else.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw

from volcast.core.decoder import MAX_TIME_MS
from volcast.core.types import MINUTE_MS

from .contract import FrameError, VenueCandle, VenueTrade

T = TypeVar("T")

NUMBER = r"[0-9]{1,20}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?"
Number = Annotated[str, Meta(pattern=rf"\A{NUMBER}\Z")]
"""A number as text. Python's Decimal alone would take `NaN`, `1_0`, ` 1` and the digits of other scripts, too."""
Digits = Annotated[str, Meta(pattern=r"\A[0-9]{1,19}\Z")]
"""A whole number as text."""
NumberRow = tuple[str, str, str, str, str, str | None]
"""Open, high, low, close, volume, and the quote volume where it is told: plain numbers as text."""
Integer = Annotated[int, Meta(ge=0, le=2**63 - 1)]

_UNDECODABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
"""No such JSON; text that is no UTF-8 and integers without end, which are ValueErrors; brackets without end."""
_MICROSECONDS_FROM = 10**15
"""As milliseconds this lies beyond the year 30 000, as microseconds in 2001."""
_PRICE_BELOW = Decimal(10**15)
_VOLUME_BELOW = Decimal(10**24)
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}):([0-5][0-9])(?:\.([0-9]{1,9}))?(?:Z|\+00:00)")
_number = re.compile(NUMBER)
_whole = re.compile(r"[0-9]{1,19}")


def decode_frame(decoder: msgspec.json.Decoder[T], text: str | bytes) -> T:
    """What the decoder makes of it; it may be a piece of a frame (`Raw`)."""
    try:
        return decoder.decode(text)
    except _UNDECODABLE as error:
        raise FrameError(str(error) or type(error).__name__) from None


def raw_number(raw: Raw) -> str:
    """The text of a JSON number, with or without quotes: no float ever stands between it and a Decimal."""
    text = bytes(raw).decode(errors="replace").strip('"')
    if _number.fullmatch(text) is None:
        raise FrameError("a field is no plain number")
    return text


def time_us(stamp: int) -> int:
    """Microseconds since 1970, of milliseconds or microseconds, told apart by their size."""
    us = stamp if stamp >= _MICROSECONDS_FROM else stamp * 1_000
    if not 0 <= us < MAX_TIME_MS * 1_000:
        raise FrameError("a time lies outside the years 1970 to 2200")
    return us


def time_ms(stamp: int) -> int:
    """Milliseconds since 1970, of milliseconds or microseconds."""
    return time_us(stamp) // 1_000


def moment_us(text: str) -> int:
    """Microseconds since 1970, of RFC 3339 in UTC. Nanoseconds are cut off: rounded, a trade could fall into the next minute."""
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
        raise FrameError("a time is in no calendar") from None


def price_of(text: str) -> Decimal:
    """Above 0."""
    price = Decimal(text)
    if not 0 < price < _PRICE_BELOW:
        raise FrameError("a price is not between 0 and 10^15")
    return price


def volume_of(text: str) -> Decimal:
    """Not below 0; trades of dust are rounded to 0 by some venues."""
    volume = Decimal(text)
    if not 0 <= volume < _VOLUME_BELOW:
        raise FrameError("a volume is not between 0 and 10^24")
    return volume


def candle(pair: str, open_us: int, numbers: NumberRow, *, closed: bool = True) -> VenueCandle:
    """A minute's candle of plain numbers; `open_us` is checked already but for being the beginning of a minute."""
    open_time_ms, finer_us = divmod(open_us, 1_000)
    if finer_us or open_time_ms % MINUTE_MS:
        raise FrameError("a candle does not open at the beginning of a minute")
    open_, high, low, close, volume, quote = numbers
    prices = price_of(open_), price_of(high), price_of(low), price_of(close)
    quote_volume = None if quote is None else volume_of(quote)
    made = VenueCandle(pair, open_time_ms, *prices, volume_of(volume), quote_volume, closed)
    if made.high < made.low:
        raise FrameError("a candle's high is below its low")
    return made


def trade(pair: str, trade_id: int, at_us: int, price: str, size: str) -> VenueTrade:
    """A trade of plain numbers; `at_us` is checked already."""
    return VenueTrade(pair, trade_id, at_us, price_of(price), volume_of(size))


def shortened(words: str) -> str:
    """A venue's own words, for a message to the user: on one line, and not without end."""
    printable = "".join(character for character in " ".join(words.split()) if character.isprintable())
    return printable.strip()[:200] or "without a reason"


def reason(message: object) -> str:
    """The JSON text of what is sent."""
    return msgspec.json.encode(message).decode()


def batches(pairs: Sequence[str], size: int) -> list[list[str]]:
    """The pairs in order, at most `size` together."""
    return [list(pairs[start : start + size]) for start in range(0, len(pairs), size)]


def is_whole(text: str) -> bool:
    """It is a whole number of at most 19 digits."""
    return _whole.fullmatch(text) is not None
