"""The venues whose candles can be followed live, one file each, and all pure: no sockets, no clock.

Read first `contract.py`: what a venue's file must offer, and the values its parsers return. Then one venue: `binance.py` sends
candles, `kraken.py` sends trades only. `base.py` is what most venues have in common, `parsing.py` checks numbers and times.
`tests/contracts/test_feeds.py` holds every venue to the contract; docs/adding-a-venue.md explains how to add one.
"""

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
"""All feeds by the name of their venue."""
