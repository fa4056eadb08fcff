"""The message formats of each venue at the scripted exchange, a file for each venue, written from its documentation.

Read `contract.py` first: `Dialect` is what the exchange needs of a venue, and `DialectSession` the state of one connection. Then
read any venue, for example `kraken.py` (trades) or `binance.py` (candles). Nothing here shares code with `producer/feeds`, which
parses these messages: so a mistake of a parser is found.
"""

from collections.abc import Mapping

from .binance import BinanceDialect
from .bitstamp import BitstampDialect
from .bybit import BybitDialect
from .coinbase import CoinbaseDialect
from .contract import Dialect
from .kraken import KrakenDialect
from .okx import OkxDialect

DIALECTS: Mapping[str, type[Dialect]] = {
    dialect.name: dialect
    for dialect in (BinanceDialect, CoinbaseDialect, KrakenDialect, BybitDialect, OkxDialect, BitstampDialect)
}
"""All dialects by the name of their venue."""
