"""Candles of a made-up market, for tests of the live path."""

from decimal import Decimal

from producer.feeds.contract import VenueTrade
from producer.live.candle import ClosedBy, ClosedCandle

MINUTE = 60_000
START = 1_700_000_040_000


def at(minute: int) -> int:
    """When the test's minute begins."""
    return START + minute * MINUTE


def bar(minute: int, close: str = "100", closed_by: ClosedBy = ClosedBy.FLAG, volume: str = "1") -> ClosedCandle:
    price = Decimal(close)
    return ClosedCandle(at(minute), price, price, price, price, Decimal(volume), price * Decimal(volume), closed_by)


def trade(number: int, minute: int, second: float, price: str = "100", size: str = "1") -> VenueTrade:
    time_us = at(minute) * 1_000 + round(second * 1_000_000)
    return VenueTrade("BTC-USD", number, time_us, Decimal(price), Decimal(size))
