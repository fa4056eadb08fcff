"""Microstructure noise: where prices bounce between bid and ask, one-minute returns overstate the volatility that lasts."""

from math import sqrt
from typing import Any

_MINUTES = 5
_HALF_LIFE_MINUTES = 720


class NoiseRatio:
    """Volatility by one-minute over that by five-minute returns, a signature plot's two points, as exponentially weighted means.

        ratio = √(5 · m(r₁²) / m(r₅²)),   half-life 12 hours

    1 where returns are uncorrelated, above where they bounce, below where they trend. r₅ is the sum of the last five one-minute
    returns, each minute anew; a gap starts it over.

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
        """Take in a minute's return; None after a gap."""
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
        """The ratio; 0 while unknown."""
        return sqrt(_MINUTES * self._fine / self._coarse) if self._coarse > 0.0 else 0.0

    def dump(self) -> dict[str, Any]:
        """Its state."""
        return {"returns": list(self._returns), "fine": self._fine, "coarse": self._coarse, "seen": self._seen}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self._returns = [float(value) for value in state["returns"]]
        self._fine, self._coarse, self._seen = float(state["fine"]), float(state["coarse"]), int(state["seen"])
