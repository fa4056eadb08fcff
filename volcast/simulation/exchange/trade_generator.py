"""Random trades of the scripted exchange: how many a minute has, and the time, price and size of each."""

import math
from random import Random
from typing import NamedTuple

from volcast.core.types import MINUTE_MS, YEAR_MINUTES
from volcast.simulation.market import parameters_of

MINUTE_US = MINUTE_MS * 1_000
EMPTY_SHARE = 0.04
"""The share of minutes that are empty alone."""
THREE_EMPTY_SHARE = 0.004
"""The share of minutes that begin a run of three empty ones."""
_COARSE = (1, 1, 1_000, 10_000, 100_000, 1_000_000)
"""Sizes are multiples of one of these, in 10⁻⁸, as many traders choose round amounts."""
_MAX_KNUTH_MEAN = 50.0


class PairParameters(NamedTuple):
    """The parameters of a pair's trades."""

    start_ticks: int
    price_decimals: int
    minute_size: float
    """The typical volume of a minute, in 10⁻⁸ of the base currency."""
    minute_std: float
    """The standard deviation of a minute's log return."""


def pair_parameters_of(symbol: str) -> PairParameters:
    """Return the parameters of the simulated market of the same symbol."""
    p = parameters_of(symbol)
    ticks = round(p.start_price * 10**p.price_decimals)
    return PairParameters(ticks, p.price_decimals, p.minute_volume * 1e8, p.annual_volatility / math.sqrt(YEAR_MINUTES))


class TradeGenerator:
    """Generates a pair's trades, minute by minute in order: it remembers how many empty minutes are still to come."""

    def __init__(self, parameters: PairParameters, trades_per_minute: float) -> None:
        self._mean = trades_per_minute
        self._step = parameters.minute_std / math.sqrt(max(trades_per_minute, 1.0))
        self._size = parameters.minute_size / max(trades_per_minute, 1.0)
        self._empty_left = 0

    def minute(self, rng: Random, ticks: int, *, first: bool) -> list[tuple[int, int, int, bool]]:
        """Return the trades of the next minute: (µs since the minute began, price in ticks, size in 10⁻⁸, the taker bought).

        `ticks` is the last price; the `first` minute of a market always has a trade.
        """
        count = self._count(rng)
        if first:
            count = max(count, 1)
        times = sorted(rng.randrange(MINUTE_US) for _ in range(count))
        trades = []
        for time_us in times:
            ticks, size, buy = self.step(rng, ticks)
            trades.append((time_us, ticks, size, buy))
        self._draw_empty_minutes(rng)
        return trades

    def step(self, rng: Random, ticks: int, *, wide: bool = False) -> tuple[int, int, bool]:
        """Return price, size and side of the trade after one at `ticks`; with `wide`, the price may be far from it."""
        move = rng.gauss(0.0, self._step * (8.0 if wide else 1.0))
        coarse = rng.choice(_COARSE)
        size = max(round(self._size * rng.expovariate(1.0) / coarse), 1) * coarse
        return max(ticks + round(ticks * move), 1), size, move > 0.0

    def _count(self, rng: Random) -> int:
        if self._empty_left:
            self._empty_left -= 1
            return 0
        return _poisson(rng, self._mean)

    def _draw_empty_minutes(self, rng: Random) -> None:
        if self._empty_left:
            return
        chance = rng.random()
        if chance < THREE_EMPTY_SHARE:
            self._empty_left = 3
        elif chance < THREE_EMPTY_SHARE + EMPTY_SHARE:
            self._empty_left = 1


def _poisson(rng: Random, mean: float) -> int:
    """Return a Poisson variate: by Knuth's algorithm for small means, by the normal approximation for large ones."""
    if mean > _MAX_KNUTH_MEAN:
        return max(round(rng.gauss(mean, math.sqrt(mean))), 0)
    product, count = rng.random(), 0
    while product > math.exp(-mean):
        product *= rng.random()
        count += 1
    return count
