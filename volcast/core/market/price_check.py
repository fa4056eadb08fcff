"""Tells suspect prices from those that a market has made: a price that leaves and returns by many times the market's own scale.

A feed's bad tick would otherwise count as the largest move of years, and mislead the forecast for days. Only the forecaster is
protected: the close, the rolling mean and the signal are those of the candle.
"""

from math import log
from typing import Any, Final

MAX_SUSPECT_MINUTES: Final = 2
"""A close that stays away for longer than this is the market's new price."""
MAX_RETURN: Final = log(5)
"""A suspect move that stays and is larger is no return: the price has another scale now. Coins have halved within minutes."""


class PriceCheck:
    """The last trusted close of a symbol, and the check of each candle against it.

    A price is suspect if its log distance from the trusted close before, and from the candle's own trusted close, is above a
    limit, which the caller takes from the market's recent volatility. A suspect close is replaced by the trusted close before,
    for at most `MAX_SUSPECT_MINUTES` in a row; a suspect open, high or low by the nearest trusted price. A price that stays is so
    taken in two minutes later, one that returns never. If it stays at more than five times the trusted close, or less than a
    fifth of it, its scale has changed: shifted decimals, another currency or market, a redenomination.

    >>> check = PriceCheck()
    >>> check.push((100.0, 101.0, 99.0, 100.0), 0.05)
    (100.0, 101.0, 99.0, 100.0)
    >>> check.push((100.0, 900.0, 99.0, 900.0), 0.05)
    (100.0, 100.0, 99.0, 100.0)
    >>> check.push((100.0, 101.0, 100.0, 101.0), 0.05), check.candles
    ((100.0, 101.0, 100.0, 101.0), 1)
    """

    def __init__(self) -> None:
        self.close = 0.0
        """The last trusted close; 0 before the first candle, whose close is always trusted."""
        self.candles = 0
        """Number of candles with a suspect price."""
        self.is_suspect = False
        """Whether the last candle has one."""
        self.is_rescaled = False
        """Whether the last candle's close has another scale than the trusted close before; it says nothing about volatility."""
        self.last = (0.0, 0.0, 0.0, 0.0)
        """Open, high, low and close that the last call of `push` returned; a snapshot has no need of it."""
        self._minutes = 0
        """Number of suspect closes in a row."""

    def push(self, prices: tuple[float, float, float, float], limit: float) -> tuple[float, float, float, float]:
        """Check a candle's open, high, low and close, and return those to use."""
        open_, high, low, close = prices
        before, self.is_rescaled = self.close or close, False
        if log(max(high, before) / min(low, before)) <= limit:  # nearly always
            self._minutes, self.close, self.is_suspect, self.last = 0, close, False, prices
            return self.last
        if self._minutes < MAX_SUSPECT_MINUTES and abs(log(close / before)) > limit:
            self._minutes += 1
        else:
            self.is_rescaled = abs(log(close / before)) > max(limit, MAX_RETURN)
            self._minutes, self.close = 0, close
        close = self.close

        def trusted(price: float, otherwise: float) -> float:
            distance = min(abs(log(price / before)), abs(log(price / close)))
            return price if distance <= limit else otherwise

        open_ = trusted(open_, before)
        high = trusted(high, max(open_, close))
        low = trusted(low, min(open_, close))
        checked = (open_, max(high, open_, close), min(low, open_, close), close)
        self.is_suspect, self.last = checked != prices, checked
        self.candles += self.is_suspect
        return checked

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers."""
        return {"close": self.close, "candles": self.candles, "suspect": self.is_suspect, "minutes": self._minutes}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.close, self.candles = float(state["close"]), int(state["candles"])
        self.is_suspect, self._minutes = bool(state["suspect"]), int(state["minutes"])
