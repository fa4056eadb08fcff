"""The highest high and the lowest low since a few forecasts were made: what resolves the quantiles of the extremes."""

from typing import Any, Final

import numpy as np

_EMPTY: Final = -(2**63)
_UNSET: Final = 1e300


class RunningExtremes:
    """The extremes of the prices since each of the last `slots` samples, which are `every_minutes` apart.

    >>> extremes = RunningExtremes(slots=2, every_minutes=5)
    >>> extremes.start(4)
    >>> extremes.push(101.0, 99.0)
    >>> extremes.push(100.5, 98.0)
    >>> extremes.since(4), extremes.since(9)
    ((101.0, 98.0), None)
    """

    def __init__(self, slots: int, every_minutes: int) -> None:
        self._every_minutes = every_minutes
        self._minutes = [_EMPTY] * slots
        self._highs, self._lows = [0.0] * slots, [_UNSET] * slots
        """By sample: the extremes until the newest sample."""
        self._high, self._low = 0.0, _UNSET
        """Those since the newest sample, so that a candle costs little."""

    def start(self, minute: int) -> None:
        """Begin a sample after the candle that opened at `minute`."""
        self._highs = [max(before, self._high) for before in self._highs]
        self._lows = [min(before, self._low) for before in self._lows]
        slot = minute // self._every_minutes % len(self._minutes)
        self._minutes[slot], self._highs[slot], self._lows[slot] = minute, 0.0, _UNSET
        self._high, self._low = 0.0, _UNSET

    def push(self, high: float, low: float) -> None:
        """Add the prices of the next candle, which are positive."""
        self._high, self._low = max(self._high, high), min(self._low, low)

    def since(self, minute: int) -> tuple[float, float] | None:
        """Return the highest high and the lowest low after the sample of a minute, None if there is no such sample."""
        slot = minute // self._every_minutes % len(self._minutes)
        if self._minutes[slot] != minute:
            return None
        return max(self._highs[slot], self._high), min(self._lows[slot], self._low)

    def clear(self) -> None:
        """Discard all samples."""
        self._minutes = [_EMPTY] * len(self._minutes)

    def dump(self) -> dict[str, Any]:
        """Return the state as raw arrays."""
        return {
            "minutes": np.array(self._minutes, np.int64).tobytes(),
            "prices": np.array((self._highs, self._lows)).tobytes(),
            "newest": [self._high, self._low],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        minutes = np.frombuffer(state["minutes"], np.int64).reshape(len(self._minutes))
        self._highs, self._lows = np.frombuffer(state["prices"], np.float64).reshape(2, len(self._minutes)).tolist()
        self._high, self._low = (float(price) for price in state["newest"])
        self._minutes = minutes.tolist()
