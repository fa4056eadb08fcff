"""Microstructure noise: when prices bounce between bid and ask, one-minute returns overstate the lasting volatility."""

from math import sqrt
from typing import Any, Final

_MINUTES: Final = 5
_HALF_LIFE_MINUTES: Final = 720


class NoiseRatio:
    """The ratio of the volatilities estimated from one-minute and from five-minute returns: two points of a signature plot.

        ratio = √(5 · m(r₁²) / m(r₅²)),   m: exponentially weighted mean with a half-life of 12 hours

    It is 1 if returns are uncorrelated, above 1 if they bounce, below 1 if they trend. r₅ is the sum of the last five one-minute
    returns, computed every minute; after a gap it starts anew.

    References: T. Andersen, T. Bollerslev, F. Diebold & P. Labys, Great Realizations, Risk (2000).

    >>> noise = NoiseRatio()
    >>> for i in range(1_000):
    ...     noise.push(0.01 if i % 2 else -0.01)
    >>> round(noise.value, 2)
    2.24
    """

    def __init__(self) -> None:
        self._returns: list[float] = []
        self._fine = 0.0
        self._coarse = 0.0
        self._seen = 0
        self._gain = 1.0 - 0.5 ** (1.0 / _HALF_LIFE_MINUTES)

    def push(self, log_return: float | None) -> None:
        """Add a minute's log return, or None for the first minute after a gap."""
        if log_return is None:
            self._returns.clear()
            return
        returns = self._returns
        returns.append(log_return)
        if len(returns) < _MINUTES:
            return
        if len(returns) > _MINUTES:
            del returns[0]
        five = returns[0] + returns[1] + returns[2] + returns[3] + returns[4]
        self._seen += 1
        gain = max(self._gain, 1.0 / self._seen)
        self._fine += gain * (log_return * log_return - self._fine)
        self._coarse += gain * (five * five - self._coarse)

    @property
    def value(self) -> float:
        """The ratio; 0 while it is unknown."""
        return sqrt(_MINUTES * self._fine / self._coarse) if self._coarse > 0.0 else 0.0

    def dump(self) -> dict[str, Any]:
        """Return the state as plain numbers."""
        return {"returns": list(self._returns), "fine": self._fine, "coarse": self._coarse, "seen": self._seen}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self._returns = [float(value) for value in state["returns"]]
        self._fine, self._coarse, self._seen = float(state["fine"]), float(state["coarse"]), int(state["seen"])
