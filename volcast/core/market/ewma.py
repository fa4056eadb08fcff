"""Exponentially weighted means of several series with several half-lives, updated together."""

from array import array
from collections.abc import Sequence
from math import ceil
from typing import Any


class EwmaBank:
    """A matrix (series, half-lives) of exponentially weighted means.

        m[s, h] ← m[s, h] + g · (x[s] - m[s, h]),   g = max(1 - 2^(-1 / half_life[h]), 1 / (prior_minutes[s] + minutes))

    While young, a mean is the plain mean of all values so far and of `prior_minutes` times the start; later its half-life limits
    its memory. The matrix is the whole state: a half-life of a month needs no buffer. It is a list of plain numbers, row by row,
    as each is read and written once a minute.

    Args:
        half_lives_minutes: Ascending.
        start: The initial means, by series.
        prior_minutes: The weight of the initial means, in minutes, by series.

    >>> bank = EwmaBank([1.0, 1e9], start=[0.0], prior_minutes=[0.0])
    >>> for x in (4.0, 8.0):
    ...     bank.push([x])
    >>> bank.means
    [6.0, 6.0]
    """

    def __init__(self, half_lives_minutes: Sequence[float], start: Sequence[float], prior_minutes: Sequence[float]) -> None:
        self.minutes = 0
        self.means: list[float] = [mean for mean in start for _ in half_lives_minutes]
        self._prior_minutes = list(prior_minutes)
        self._last_gains: list[float] = [1.0 - 0.5 ** (1.0 / half_life) for half_life in half_lives_minutes]
        self._settled_minutes = ceil(1.0 / min(self._last_gains))

    def push(self, x: list[float], long: list[float] | None = None, first_long: int = 0) -> None:
        """Add one minute's values by series. If `long` is given, half-lives from the index `first_long` on get its values."""
        self.minutes += 1
        means, gains, is_young = self.means, self._last_gains, self.minutes <= self._settled_minutes
        at = 0
        for series, prior_minutes in enumerate(self._prior_minutes):
            young = 1.0 / (prior_minutes + self.minutes) if is_young else 0.0
            value = x[series]
            for index, gain in enumerate(gains):
                if long is not None and index == first_long:
                    value = long[series]
                mean = means[at]
                means[at] = mean + (value - mean) * max(gain, young)
                at += 1

    def mean(self, series: int, half_life: int) -> float:
        """Return the mean of a series with the half-life of that index."""
        return self.means[series * len(self._last_gains) + half_life]

    def catch_up(self, series: int, x: float, minutes: int) -> None:
        """Move one series' means as if it had had this value for so many minutes, at their half-lives' pace."""
        for at, gain in enumerate(self._last_gains, start=series * len(self._last_gains)):
            self.means[at] += (1.0 - (1.0 - gain) ** minutes) * (x - self.means[at])

    def dump(self) -> dict[str, Any]:
        """Return the state: the means as a raw array (series, half-lives), and the number of minutes."""
        return {"means": array("d", self.means).tobytes(), "minutes": self.minutes}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        means = array("d", state["means"])
        if len(means) != len(self.means):
            raise ValueError("the means are not as many as here")
        self.means, self.minutes = means.tolist(), int(state["minutes"])
