"""The random numbers of one symbol's market, a part of which it may share with the other symbols of the same seed.

With one common factor, each pair of symbols has the same correlation ρ: z = √ρ · common + √(1-ρ) · own. The common numbers
depend on the seed alone, so a symbol's candles do not depend on which other symbols are generated. Without a correlation, or with
one of 0, only the symbol's own numbers are drawn.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Self

import numpy as np

from volcast.core.arrays import Floats

_COMMON = "\0common"
"""No symbol has this name."""
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Correlation:
    """How alike the symbols of one seed are. Raises ValueError if a value is outside [0, 1]."""

    returns: float
    """The correlation of two symbols' one-minute log returns."""
    volatilities: float
    """The correlation of their log variances, apart from the daily rhythm, which all symbols share."""

    def __post_init__(self) -> None:
        for name in ("returns", "volatilities"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"the correlation of {name} must be from 0 to 1, not {getattr(self, name):g}")

    @classmethod
    def of(cls, returns: float, volatilities: float | None) -> Self | None:
        """Return the correlation; that of the volatilities is by default that of the returns. None if both are 0."""
        made = cls(returns, returns if volatilities is None else volatilities)
        return made if made.returns or made.volatilities else None

    def of_moves(self, log_variance: float) -> float:
        """Return the correlation that standardised diffusive moves need for the returns to have the wanted one.

        Where two variances differ, the returns are less correlated than the standardised moves: by E[√(v₁·v₂)] / E[v], which is
        exp(-(1-ρ)·s/4) for log variances of variance s and correlation ρ. Raises ValueError if more than 1 would be needed.
        """
        needed: float = self.returns * float(np.exp((1.0 - self.volatilities) * log_variance / 4.0))
        if needed > 1.0 + _ROUNDING:
            raise ValueError(
                f"returns cannot have a correlation of {self.returns:g} while that of the volatilities is {self.volatilities:g}: "
                f"at most {self.returns / needed:.2f} is possible"
            )
        return min(needed, 1.0)


class Draws:
    """Seeded random numbers. The same calls in the same order give the same numbers."""

    def __init__(self, symbol: str, seed: int, correlation: Correlation | None, log_variance: float) -> None:
        """`log_variance` is the variance of the log variance. Raises ValueError if the correlation is not possible with it."""
        self._own = _generator(f"{symbol} {seed}")
        self._common = _generator(f"{_COMMON} {seed}") if correlation else None
        self._of_moves = correlation.of_moves(log_variance) if correlation else 0.0
        self._correlation = correlation or Correlation(0.0, 0.0)

    def moves(self, shape: tuple[int, ...]) -> Floats:
        """Return standardised diffusive moves of the price."""
        return self._normal(shape, self._of_moves)

    def volatilities(self, size: int) -> Floats:
        """Return standardised moves of a factor of the log variance."""
        return self._normal(size, self._correlation.volatilities)

    def jumps(self, rate: float, shape: tuple[int, ...]) -> Floats:
        """Return sums of a Poisson number of standard normal jumps, `rate` of them on average; the wanted share is common."""
        shared = self._correlation.returns
        own = _sums(self._own, rate * (1.0 - shared), shape)
        return own if self._common is None else own + _sums(self._common, rate * shared, shape)

    def own_normal(self, size: int) -> Floats:
        """Return standard normal numbers that no other symbol shares."""
        return self._own.standard_normal(size)

    def own_uniform(self, shape: tuple[int, ...]) -> Floats:
        """Return numbers from [0, 1) that no other symbol shares."""
        return self._own.random(shape)

    def _normal(self, shape: int | tuple[int, ...], correlation: float) -> Floats:
        own = self._own.standard_normal(shape)
        if self._common is None:
            return own
        return np.asarray(np.sqrt(correlation) * self._common.standard_normal(shape) + np.sqrt(1.0 - correlation) * own)


def words_of_hash(text: str, count: int) -> list[int]:
    """Return up to eight numbers of 32 bits from a hash of the text, the same on every machine."""
    return list(struct.unpack_from(f"<{count}I", hashlib.sha256(text.encode()).digest()))


def _generator(text: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words_of_hash(text, 8))))


def _sums(rng: np.random.Generator, rate: float, shape: tuple[int, ...]) -> Floats:
    counts = rng.poisson(rate, shape)
    return np.asarray(rng.standard_normal(shape) * np.sqrt(counts))
