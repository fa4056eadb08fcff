"""What each venue says, hears and answers at the scripted exchange: a file a venue, written from its documents."""

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
"""By name."""
