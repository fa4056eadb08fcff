"""The venues: a file each, held to one contract."""

from collections.abc import Mapping
from types import MappingProxyType

from .binance import BINANCE
from .bitstamp import BITSTAMP
from .bybit import BYBIT
from .coinbase import COINBASE
from .contract import Feed
from .kraken import KRAKEN
from .okx import OKX

VENUES: Mapping[str, Feed] = MappingProxyType({feed.name: feed for feed in (BINANCE, COINBASE, KRAKEN, BYBIT, OKX, BITSTAMP)})
"""By name."""
