"""Candles and trades of an invented market, with minutes counted from its start."""

from decimal import Decimal

from producer.feeds.contract import VenueTrade
from producer.live.candle import ClosedBy, ClosedCandle

MINUTE_MS = 60_000
START_MS = 1_700_000_040_000


def at(minute: int) -> int:
    """The opening time of a minute."""
    return START_MS + minute * MINUTE_MS


def candle(minute: int, close: str = "100", closed_by: ClosedBy = ClosedBy.FLAG, volume: str = "1") -> ClosedCandle:
    price = Decimal(close)
    return ClosedCandle(at(minute), price, price, price, price, Decimal(volume), price * Decimal(volume), closed_by)


def trade(number: int, minute: int, second: float, price: str = "100", size: str = "1") -> VenueTrade:
    time_us = at(minute) * 1_000 + round(second * 1_000_000)
    return VenueTrade("BTC-USD", number, time_us, Decimal(price), Decimal(size))
