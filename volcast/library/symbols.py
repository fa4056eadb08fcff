"""Symbols as users write them, `BTC/USDT` or `btc-usdt`, and as the engine's records have them, `BTCUSDT`.

It stands alone because frames, single candles and saved files all name symbols.
"""

from collections.abc import MutableMapping

from volcast.core.decoder import is_symbol

from .errors import SymbolError

UNNAMED = "UNNAMED"
"""The symbol of candles that come without one."""
_IGNORED = str.maketrans("", "", " /-_:")


def symbol_written(text: str, spelled: MutableMapping[str, str]) -> str:
    """Return the symbol that is written so. `spelled` has each symbol that was written in another way, and gets this one.

    Raises SymbolError for what is no symbol, and for a third way to write it, which may be another market.

    >>> spelled = {}
    >>> symbol_written("BTC/USDT", spelled), spelled
    ('BTCUSDT', {'BTCUSDT': 'BTC/USDT'})
    """
    if not isinstance(text, str):
        raise SymbolError(f"{text!r} is no symbol; text is expected, as 'BTCUSDT'.")
    symbol = text if is_symbol(text) else text.translate(_IGNORED).upper()
    if not is_symbol(symbol):
        raise SymbolError(
            f"{text[:60]!r} is no symbol; letters and digits are expected, as in BTCUSDT, BTC/USDT or BTCUSDT.BINANCE."
        )
    if text != symbol and (first := spelled.setdefault(symbol, text)) != text:
        raise SymbolError(
            f"{text!r} and {first!r} would both be {symbol}; write them alike, or give different names to two markets."
        )
    return symbol
