"""The decoder's fast way, for candles exactly as the encoders of `codec` write them; `decoder` takes all others with care.

One regular expression checks the names and their order, and that each value is plain: a number in ASCII digits, with no more
decimals than its symbol may have, or text without escapes. Each part has a limit, so what it matches is never too large. What it
does not match may still be a sound candle.
"""

import re
from typing import Final

from .codec import MAX_PRICE_DIGITS, MAX_SOURCE_CHARACTERS, MAX_SYMBOL_CHARACTERS, MAX_TIME_MS, MIN_TIME_MS, VERSION
from .types import MINUTE_MS, Candle

_VOLUME: Final = r'"([0-9]{1,24}(?:\.[0-9]{1,40})?)"'
_TEXT: Final = rf'"([ !#-Z\]-z|}}~]{{0,{MAX_SOURCE_CHARACTERS}}})"'
"""Without escapes, and without the opening brackets that `decoder` counts."""
_INTEGER: Final = r"(?:0|[1-9][0-9]{0,14}|null)"
_CONTENT: Final = r',"content":"[0-9a-f]{0,64}"'
_LIVE: Final = rf',"synthetic":(?:true|false),"sent_ms":{_INTEGER},"received_ms":{_INTEGER}'


class PlainCandleDecoder:
    """Decoder of plain candles whose prices may have so many decimals, from 0 to 12.

    >>> PlainCandleDecoder(2).decode(b"BTCUSDT", b"{}") is None
    True
    """

    def __init__(self, price_decimals: int) -> None:
        fraction = rf"(?:\.[0-9]{{1,{price_decimals}}})?" if price_decimals else ""
        price = rf'"([0-9]{{1,{MAX_PRICE_DIGITS}}}{fraction})"'
        self._price_decimals = price_decimals
        self._match = re.compile(
            (
                rf'{{"kind":"candle","v":{VERSION},"symbol":"([A-Z0-9]+(?:\.[A-Z0-9]+)?)","open_time_ms":([0-9]{{13}}),'
                rf'"open":{price},"high":{price},"low":{price},"close":{price},"volume":{_VOLUME},"quote_volume":{_VOLUME},'
                rf'"source":{_TEXT},"closed_by":{_TEXT},"interval_ms":{MINUTE_MS},"live":(true|false),"line":{_INTEGER}'
                rf"(?:{_CONTENT}|{_LIVE})?}}"
            ).encode()
        ).fullmatch

    def decode(self, key: bytes, value: bytes) -> Candle | None:
        """Return the candle; None if the record is not one beyond doubt, and has to be decoded with care."""
        found = self._match(value)
        if found is None:
            return None
        symbol, time, open_text, high_text, low_text, close_text, volume, quote_volume, source, closed_by, live = found.groups()
        open_time_ms, close_digits = int(time), len(close_text)
        if (
            symbol != key
            or len(symbol) > MAX_SYMBOL_CHARACTERS
            or not MIN_TIME_MS <= open_time_ms < MAX_TIME_MS
            or open_time_ms % MINUTE_MS
            or max(len(open_text), len(high_text), len(low_text), close_digits) > MAX_PRICE_DIGITS
        ):
            return None
        open_, high, low, close = float(open_text), float(high_text), float(low_text), float(close_text)
        # The floats nearest to numbers of at most 15 digits are ordered as these are.
        if not (0.0 < low <= open_ <= high and low <= close <= high):
            return None
        point = close_text.find(b".")
        if point < 0:
            units = int(close_text) * 10**self._price_decimals
        else:
            units = int(close_text.replace(b".", b"")) * 10 ** (self._price_decimals - (close_digits - 1 - point))
        return Candle(
            symbol.decode(),
            open_time_ms,
            open_,
            high,
            low,
            close,
            units,
            float(volume),
            float(quote_volume),
            source.decode(),
            live == b"true",
            closed_by.decode(),
        )
