"""Exponentially weighted means of several series with several half-lives: one matrix, updated in one operation."""

from typing import Any

import numpy as np

from volcast.core.arrays import Floats


class EwmaBank:
    """A matrix (series, half-lives) of exponentially weighted means.

        m[s, h] ← m[s, h] + g · (x[s] - m[s, h]),   g = max(1 - 2^(-1 / half_life[h]), 1 / (prior_minutes[s] + minutes))

    While young, a mean is the plain mean of all values so far and of `prior_minutes` times the start; later its half-life limits
    its memory. The matrix is the whole state: a half-life of a month needs no buffer.

    Args:
        half_lives_minutes: (half-lives,).
        start: (series,), the initial means.
        prior_minutes: (series,), the weight of the initial means, in minutes.

    >>> bank = EwmaBank(np.array([1.0, 1e9]), start=np.array([0.0]), prior_minutes=np.array([0.0]))
    >>> for x in (4.0, 8.0):
    ...     bank.push(np.array([[x]]))
    >>> bank.means.tolist()
    [[6.0, 6.0]]
    """

    def __init__(self, half_lives_minutes: Floats, start: Floats, prior_minutes: Floats) -> None:
        self.minutes = 0
        self.means: Floats = np.repeat(start[:, np.newaxis], len(half_lives_minutes), axis=1)
        self._prior_minutes = prior_minutes[:, np.newaxis]
        self._last_gains = np.repeat(1.0 - 0.5 ** (1.0 / half_lives_minutes)[np.newaxis], len(start), axis=0)
        self._settled_minutes = int(np.ceil(1.0 / self._last_gains.min()))
        self._steps = np.empty_like(self.means)

    def push(self, x: Floats) -> None:
        """Add one minute's values, of shape (series, 1), or (series, half-lives) if each half-life gets its own value."""
        self.minutes += 1
        gains = self._last_gains
        if self.minutes <= self._settled_minutes:
            gains = np.maximum(gains, 1.0 / (self._prior_minutes + self.minutes))
        np.subtract(x, self.means, out=self._steps)
        self._steps *= gains
        self.means += self._steps

    def catch_up(self, series: int, x: float, minutes: int) -> None:
        """Move one series' means as if it had had this value for so many minutes, at their half-lives' pace."""
        means = self.means[series]
        means += (1.0 - (1.0 - self._last_gains[series]) ** minutes) * (x - means)

    def dump(self) -> dict[str, Any]:
        """Return the state: the means as a raw array, and the number of minutes."""
        return {"means": self.means.tobytes(), "minutes": self.minutes}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.means = np.frombuffer(state["means"], np.float64).reshape(self.means.shape).copy()
        self.minutes = int(state["minutes"])
