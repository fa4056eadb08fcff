"""A simulated candle, and how its numbers become text. All modules of the simulated market use it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS

_QUOTE_DECIMALS = 2


class SimulatedCandle(NamedTuple):
    """A candle with numbers as text, as in candle files, and with its true volatility, which no real market shows."""

    open_time_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    """In the base currency."""
    quote_volume: str
    """In the quote currency, at the mean of open, high, low and close."""
    true_volatility: float
    """√E[r²] of this minute's log return r, given the latent variance of this minute; possible random jumps are included, planted
    ones are not."""


def quote_text(volume: float, price: float) -> str:
    """Return a volume in the quote currency as text."""
    return f"{volume * price:.{_QUOTE_DECIMALS}f}"


def as_candles(
    start_ms: int,
    decimals: tuple[int, int],
    ohlc: tuple[NDArray[np.int64], ...],
    volume: Floats,
    true_volatility: Floats,
) -> Iterator[SimulatedCandle]:
    """Yield a candle for each minute from `start_ms` on.

    `decimals` are those of prices and of volumes. Open, high, low and close are in ticks, (n,) each; `volume` and
    `true_volatility` are (n,).
    """
    price, amount, unit = f"%.{decimals[0]}f", f"%.{decimals[1]}f", 10.0 ** decimals[0]
    texts = [[price % value for value in (ticks / unit).tolist()] for ticks in ohlc]
    amounts = np.round(volume, decimals[1])
    quotes = amounts * sum(ohlc) / (4.0 * unit)
    rows = zip(*texts, amounts.tolist(), quotes.tolist(), true_volatility.tolist(), strict=True)
    for i, (open_, high, low, close, base, quote, sigma) in enumerate(rows):
        quote_volume = f"{quote:.{_QUOTE_DECIMALS}f}"
        yield SimulatedCandle(start_ms + i * MINUTE_MS, open_, high, low, close, amount % base, quote_volume, sigma)
