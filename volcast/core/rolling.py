"""The rolling mean of closes and the rate of 1-signals. Both are exact: integers in ring buffers, O(1) for each candle.

A running sum of floats accumulates rounding errors and never recovers from a NaN; a sum of integers has neither problem.
"""

from typing import Final

import numpy as np

MAX_UNITS_BYTES: Final = 12
"""Bytes of a price in a dump. A price is below 10^15 and has at most 12 decimals, so its units are below 10^27 < 2^90."""


class RollingMean:
    """The exact mean of the last `window` prices, which are given as integers: price × 10^decimals.

    >>> mean = RollingMean(window=3)
    >>> [mean.push(units) for units in (100, 102, 101, 104)]
    [False, False, False, True]
    >>> mean.value(decimals=2)
    1.0233333333333334
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self._ring: list[int] = []
        self._next = 0
        self._sum = 0

    def push(self, units: int) -> bool:
        """Add a price. Return whether it lies above the mean of the last `window` prices, itself included.

        The decision is exact, since price > sum / W is equivalent to W × price > sum. It is False while there are fewer than W.
        """
        if len(self._ring) < self.window:
            self._ring.append(units)
            self._sum += units
        else:
            self._sum += units - self._ring[self._next]
            self._ring[self._next] = units
        self._next = (self._next + 1) % self.window
        return self.full and self.window * units > self._sum

    @property
    def full(self) -> bool:
        """Whether there are `window` prices."""
        return len(self._ring) == self.window

    def value(self, decimals: int) -> float | None:
        """Return the mean as a price, correctly rounded, as Python divides integers; None while there are fewer than `window`."""
        return self._sum / (self.window * 10**decimals) if self.full else None

    def dump(self) -> bytes:
        """Return the prices from oldest to newest, 12 bytes each, little-endian."""
        oldest_first = self._ring[self._next :] + self._ring[: self._next] if self.full else self._ring
        return b"".join(units.to_bytes(MAX_UNITS_BYTES, "little") for units in oldest_first)

    def load(self, raw: bytes) -> None:
        """Restore what `dump` returned. Raises ValueError if `raw` does not fit the window."""
        count, rest = divmod(len(raw), MAX_UNITS_BYTES)
        if rest or count > self.window:
            raise ValueError(f"{len(raw)} bytes are not a dump of at most {self.window} prices of {MAX_UNITS_BYTES} bytes")
        size = MAX_UNITS_BYTES
        self._ring = [int.from_bytes(raw[at : at + size], "little") for at in range(0, len(raw), size)]
        self._next = count % self.window
        self._sum = sum(self._ring)


class SignalRate:
    """The share of 1 among the signals: since the start, and among the last `window` signals.

    >>> rate = SignalRate(window=2)
    >>> for signal in (1, 0, 0): rate.push(signal)
    >>> rate.since_start, rate.in_window
    (0.3333333333333333, 0.0)
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self.counted = 0
        self.ones = 0
        self._ring = bytearray(window)
        self._ones_in_ring = 0

    def push(self, signal: int) -> None:
        """Count a signal, 0 or 1."""
        at = self.counted % self.window
        self._ones_in_ring += signal - self._ring[at]
        self._ring[at] = signal
        self.counted += 1
        self.ones += signal

    @property
    def since_start(self) -> float | None:
        """Share of ones among all counted signals; None before the first."""
        return self.ones / self.counted if self.counted else None

    @property
    def in_window(self) -> float | None:
        """Share of ones among the last `window` counted signals; None before the first."""
        return self._ones_in_ring / min(self.counted, self.window) if self.counted else None

    def dump(self) -> bytes:
        """Return the ring as bits, in ring order."""
        return np.packbits(np.frombuffer(self._ring, np.uint8)).tobytes()

    def load(self, counted: int, ones: int, raw: bytes) -> None:
        """Restore both counts and what `dump` returned. Raises ValueError if they do not fit the window."""
        if len(raw) != (self.window + 7) // 8 or not 0 <= ones <= counted:
            raise ValueError(
                f"{len(raw)} bytes with {ones} ones of {counted} signals are not a dump of a window of {self.window} signals"
            )
        self.counted, self.ones = counted, ones
        self._ring = bytearray(np.unpackbits(np.frombuffer(raw, np.uint8), count=self.window).tobytes())
        self._ones_in_ring = sum(self._ring)
