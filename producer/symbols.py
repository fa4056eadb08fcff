"""Markets as users write them, parsed into a `Pair`, and the symbol of a pair on the log."""

import re

from producer.feeds.contract import Pair
from volcast.core.decoder import is_symbol

QUOTES = (
    "FDUSD",
    "USDT",
    "USDC",
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "TRY",
    "BRL",
    "AUD",
    "CAD",
    "CHF",
    "BTC",
    "XBT",
    "ETH",
    "BNB",
    "SOL",
)
"""Quote currencies that are recognized without a separator, the longer of two with the same end first.

BUSD and TUSD are left out: with them BNBUSD and DOTUSD would be split in the wrong place, and both are discontinued.
"""
_OTHER_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
_separated = re.compile(r"([A-Z0-9]{1,15})[-/_]([A-Z0-9]{1,15})")
_joined = re.compile(rf"([A-Z0-9]{{1,15}}?)({'|'.join(QUOTES)})")
_EXPECTED = "a pair like BTCUSDT, BTC-USD or btc/usd is expected"


def parse_pair(text: str) -> Pair:
    """Return the pair that the text names. Raise ValueError, with one sentence for the user, if it names none.

    >>> parse_pair("btc_usd"), parse_pair("XBTUSDT")
    (Pair(base='BTC', quote='USD'), Pair(base='BTC', quote='USDT'))
    """
    capitals = text.upper() if text.isascii() else ""
    found = _separated.fullmatch(capitals)
    if found is None and (found := _joined.fullmatch(capitals)) is None:
        if re.fullmatch("[A-Z0-9]{1,30}", capitals):
            raise ValueError(f"{text!r} ends in no currency that is known here; write it with a dash, as in BTC-USD.")
        raise ValueError(f"{text[:40]!r} is not a pair; {_EXPECTED}.")
    base, quote = (_OTHER_NAMES.get(name, name) for name in found.groups())
    if base == quote:
        raise ValueError(f"{text!r} is {base} in {quote}; {_EXPECTED}.")
    return Pair(base, quote)


def split_joined(text: str) -> tuple[str, str] | None:
    """Return base and quote of a pair in capitals that is written without a separator; None if it ends in no known quote.

    >>> split_joined("BTCUSDT"), split_joined("BTC")
    (('BTC', 'USDT'), None)
    """
    found = _joined.fullmatch(text)
    return (found[1], found[2]) if found else None


def symbol_on_log(pair: Pair, feed_name: str) -> str:
    """Return the symbol of the pair on the log. Raise ValueError if that would not be a valid symbol.

    >>> symbol_on_log(Pair("BTC", "USDT"), "binance")
    'BTCUSDT.BINANCE'
    """
    symbol = f"{pair.base}{pair.quote}.{feed_name.upper()}"
    if not is_symbol(symbol):
        raise ValueError(f"{symbol!r:.60} is not a valid symbol; letters and digits are expected, 40 at most.")
    return symbol
