"""Counting the signals of a series of closes, exactly: in blocks of 64-bit integers, or number by number.

A signal is 1 where the close lies above the mean of the last `window` closes, itself included, and 0 elsewhere; the first
window - 1 rows have no mean. Both counters decide by W × close > sum on integers, as `volcast.core.rolling` does.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from volcast.candle_files.contract import FileFormat
from volcast.core.rolling import RollingMean

from .decimal_cells import Integers, ScaledNumbers, scale_up

_LIMIT = 2**63
_ENOUGH_ROWS = 1 << 15
"""Rows that are counted together: the work for each block is small beside that for its rows."""


class SignalsOfFile(NamedTuple):
    """What the data file holds."""

    rows: int
    ones: int
    """Rows whose close lies above the rolling mean."""
    sha256: str
    """Of the file as it is, packed or not."""
    layout: FileFormat
    warnings: tuple[str, ...] = ()
    newest_first: bool = False


class TooLargeError(Exception):
    """Sums of the closes may not fit into 64 bits."""


class BlockCount:
    """Counts blocks of closes. Memory: the window, and some 30 000 rows.

    >>> count = BlockCount(window=2)
    >>> count.add(ScaledNumbers(np.array([100, 101, 101]), decimals=0))
    >>> count.add(ScaledNumbers(np.array([1011]), decimals=1))
    >>> count.finish()
    >>> count.rows, count.ones
    (4, 2)
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self.rows = 0
        self.ones = 0
        self._last = ScaledNumbers(np.zeros(0, np.int64), 0)
        """The last window - 1 closes that were counted."""
        self._waiting: list[ScaledNumbers] = []
        self._waiting_rows = 0

    def add(self, closes: ScaledNumbers) -> None:
        """Add the next closes, none of them below 0. Raises TooLargeError where 64 bits may not be enough."""
        self.rows += closes.units.size
        self._waiting.append(closes)
        self._waiting_rows += closes.units.size
        if self._waiting_rows >= max(_ENOUGH_ROWS, self.window):
            self.finish()

    def finish(self) -> None:
        """Count what waits for more rows. Raises TooLargeError as `add` does."""
        parts = [self._last, *self._waiting]
        decimals = max(part.decimals for part in parts)
        scaled = [scale_up(part.units, decimals - part.decimals) for part in parts]
        if any(units is None for units in scaled):
            raise TooLargeError
        closes: Integers = np.concatenate([units for units in scaled if units is not None])
        if closes.size and int(closes.max()) * max(closes.size, self.window) >= _LIMIT:
            raise TooLargeError
        if closes.size >= self.window:
            sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(closes)))
            above = closes[self.window - 1 :] * self.window > sums[self.window :] - sums[: -self.window]
            self.ones += int(np.count_nonzero(above))
        self._last = ScaledNumbers(closes[max(closes.size - self.window + 1, 0) :], decimals)
        self._waiting, self._waiting_rows = [], 0


class NumberCount:
    """Counts closes one by one, as integers of any size, with the engine's own rolling mean.

    >>> count = NumberCount(window=2)
    >>> for units, decimals in ((100, 0), (101, 0), (101, 0), (1011, 1)): count.add(units, decimals)
    >>> count.rows, count.ones
    (4, 2)
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self.rows = 0
        self.ones = 0
        self._mean = RollingMean(window)
        self._decimals = 0
        self._last: deque[int] = deque(maxlen=window)

    def add(self, units: int, decimals: int) -> None:
        """Add the close units / 10^decimals."""
        if decimals > self._decimals:
            self._refine(decimals)
        units *= 10 ** (self._decimals - decimals)
        self._last.append(units)
        self.rows += 1
        self.ones += self._mean.push(units)

    def _refine(self, decimals: int) -> None:
        """Express the closes of the window with more decimals."""
        finer = 10 ** (decimals - self._decimals)
        self._last = deque((units * finer for units in self._last), maxlen=self.window)
        self._mean = RollingMean(self.window)
        for units in self._last:
            self._mean.push(units)
        self._decimals = decimals
