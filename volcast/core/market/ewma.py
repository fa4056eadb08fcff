"""Exponentially weighted means of several series with several half-lives at once: a matrix, updated in one stroke."""

from typing import Any

import numpy as np

from volcast.core.arrays import Floats


class EwmaBank:
    """m[s, h] ← m[s, h] + g · (x[s] - m[s, h]),   g = max(1 - 2^(-1 / half_life[h]), 1 / (prior_minutes[s] + minutes))

    At first it is the plain mean of what has been seen and `prior_minutes` times the start; the half-life takes over by and by.
    A week, a month need no ring: the state is the matrix.

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
        """Take in one minute's values (series, 1), or (series, half-lives) where each half-life is to see its own."""
        self.minutes += 1
        gains = self._last_gains
        if self.minutes <= self._settled_minutes:
            gains = np.maximum(gains, 1.0 / (self._prior_minutes + self.minutes))
        np.subtract(x, self.means, out=self._steps)
        self._steps *= gains
        self.means += self._steps

    def dump(self) -> dict[str, Any]:
        """Its state: a raw array and a count."""
        return {"means": self.means.tobytes(), "minutes": self.minutes}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.means = np.frombuffer(state["means"], np.float64).reshape(self.means.shape).copy()
        self.minutes = int(state["minutes"])
