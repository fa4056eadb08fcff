"""What each venue says, hears and answers at the scripted exchange: a file a venue, written from its documents."""

from collections.abc import Mapping

from .binance import Binance
from .bitstamp import Bitstamp
from .bybit import Bybit
from .coinbase import Coinbase
from .contract import Dialect
from .kraken import Kraken
from .okx import Okx

DIALECTS: Mapping[str, type[Dialect]] = {dialect.name: dialect for dialect in (Binance, Coinbase, Kraken, Bybit, Okx, Bitstamp)}
"""By name."""
