"""The chance in the scripted exchange's trades: how many a minute has, when, at what price, of what size."""

import math
from random import Random
from typing import NamedTuple

from volcast.core.types import MINUTE_MS, YEAR_MINUTES
from volcast.simulation.market import parameters_of

MINUTE_US = MINUTE_MS * 1_000
EMPTY_SHARE = 0.04
"""Of minutes, alone."""
THREE_EMPTY_SHARE = 0.004
"""Of minutes that begin three without a trade."""
_COARSE = (1, 1, 1_000, 10_000, 100_000, 1_000_000)
"""Sizes are multiples of one of these, in 10⁻⁸: many people trade round amounts."""
_POISSON_BY_COUNTING = 50.0


class Level(NamedTuple):
    """What a pair is like."""

    start_ticks: int
    price_decimals: int
    minute_size: float
    """What a minute typically trades, in 10⁻⁸ of the base currency."""
    minute_std: float
    """Of a minute's log return."""


def level_of(symbol: str) -> Level:
    """As in the simulated market of the same name."""
    p = parameters_of(symbol)
    ticks = round(p.start_price * 10**p.price_decimals)
    return Level(ticks, p.price_decimals, p.minute_volume * 1e8, p.annual_volatility / math.sqrt(YEAR_MINUTES))


class Draw:
    """Draws a pair's minutes in their order: it remembers the empty minutes that are still to come."""

    def __init__(self, level: Level, trades_per_minute: float) -> None:
        self._mean = trades_per_minute
        self._step = level.minute_std / math.sqrt(max(trades_per_minute, 1.0))
        self._size = level.minute_size / max(trades_per_minute, 1.0)
        self._empty_left = 0

    def minute(self, rng: Random, ticks: int, *, first: bool) -> list[tuple[int, int, int, bool]]:
        """-> its trades: (time since the minute's beginning in µs, price in ticks, size in 10⁻⁸, the taker bought)."""
        count = self._count(rng)
        if first:
            count = max(count, 1)
        times = sorted(rng.randrange(MINUTE_US) for _ in range(count))
        trades = []
        for time_us in times:
            ticks, size, buy = self.step(rng, ticks)
            trades.append((time_us, ticks, size, buy))
        self._note_empty(rng)
        return trades

    def step(self, rng: Random, ticks: int, *, wide: bool = False) -> tuple[int, int, bool]:
        """-> price, size and side of a trade after one at `ticks`; `wide`: perhaps far from it."""
        move = rng.gauss(0.0, self._step * (8.0 if wide else 1.0))
        coarse = rng.choice(_COARSE)
        size = max(round(self._size * rng.expovariate(1.0) / coarse), 1) * coarse
        return max(ticks + round(ticks * move), 1), size, move > 0.0

    def _count(self, rng: Random) -> int:
        if self._empty_left:
            self._empty_left -= 1
            return 0
        return _poisson(rng, self._mean)

    def _note_empty(self, rng: Random) -> None:
        if self._empty_left:
            return
        chance = rng.random()
        if chance < THREE_EMPTY_SHARE:
            self._empty_left = 3
        elif chance < THREE_EMPTY_SHARE + EMPTY_SHARE:
            self._empty_left = 1


def _poisson(rng: Random, mean: float) -> int:
    """Knuth's way for small means, the normal approximation for large ones."""
    if mean > _POISSON_BY_COUNTING:
        return max(round(rng.gauss(mean, math.sqrt(mean))), 0)
    product, count = rng.random(), 0
    while product > math.exp(-mean):
        product *= rng.random()
        count += 1
    return count
