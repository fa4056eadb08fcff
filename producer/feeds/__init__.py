"""The venues: a file each, held to one contract."""

from collections.abc import Mapping
from types import MappingProxyType

from producer.feeds.binance import BINANCE
from producer.feeds.bitstamp import BITSTAMP
from producer.feeds.bybit import BYBIT
from producer.feeds.coinbase import COINBASE
from producer.feeds.contract import Feed
from producer.feeds.kraken import KRAKEN
from producer.feeds.okx import OKX

VENUES: Mapping[str, Feed] = MappingProxyType({feed.name: feed for feed in (BINANCE, COINBASE, KRAKEN, BYBIT, OKX, BITSTAMP)})
"""By name."""
