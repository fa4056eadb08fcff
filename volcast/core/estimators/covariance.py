"""The covariance of a regression's coefficients that forgets old data, and never forgets what was assumed before them."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsymv, dsyr  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.arrays import Floats


@cache
def _triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The places of a lower triangle, row by row: the same for all symbols, and slow to make."""
    return np.tril_indices(size)


class RestoredCovariance(NamedTuple):
    """One coefficient was drawn back to what was assumed of it."""

    at: int
    gain: Floats


class ForgettingCovariance:
    """P = J⁻¹, where the information J = Σ λ^age x·xᵀ + D, and D is diagonal with ridge ≤ D ≤ ridge / λ^size.

    An update is two symmetric changes of rank one (Sherman & Morrison), O(size²): λ·J + x·xᵀ, then what forgetting took from D
    is given back to one coefficient, each in its turn. So J ≥ ridge always: no eigenvalue of P is ever above 1 / ridge, even in
    directions that the data never excite, where plain exponential forgetting winds P up without bound.

    References: L. Ljung & T. Söderström, Theory and Practice of Recursive Identification (1983); S. Gunnarsson, Combining
    Tracking and Regularization in Recursive Least Squares Identification, CDC (1996).

    >>> covariance = ForgettingCovariance(size=2, half_life=10.0, ridge=4.0)
    >>> for _ in range(1_000):
    ...     _ = covariance.learn(np.array([1.0, 1.0]))
    ...     _ = covariance.restore()
    >>> bool(np.linalg.eigvalsh(covariance.matrix()).max() <= 0.25)
    True
    """

    def __init__(self, size: int, half_life: float, ridge: float) -> None:
        self.size = size
        self.updates = 0
        self._decay = 0.5 ** (1.0 / half_life)
        self._given_back = ridge * (self._decay**-size - 1.0)
        first = ridge * self._decay ** -np.arange(1.0, size + 1.0)
        self._lower: Floats = np.asfortranarray(np.diag(1.0 / first))

    def learn(self, x: Floats) -> Floats:
        """Forget a little, take in `x` (size,) -> the gain (size,): by how much the coefficients follow an error of one."""
        spread: Floats = dsymv(1.0, self._lower, x, lower=1)
        denominator = self._decay + float(spread.dot(x))
        dsyr(-1.0 / denominator, spread, a=self._lower, overwrite_a=1, lower=1)
        np.divide(self._lower, self._decay, out=self._lower)
        self.updates += 1
        return np.asarray(spread / denominator)

    def restore(self) -> RestoredCovariance:
        """Give back to one coefficient what forgetting took of its ridge -> its index, the gain to what was assumed."""
        index = (self.updates - 1) % self.size
        column = np.concatenate((self._lower[index, :index], self._lower[index:, index]))
        denominator = 1.0 / self._given_back + float(column[index])
        dsyr(-1.0 / denominator, column, a=self._lower, overwrite_a=1, lower=1)
        return RestoredCovariance(index, column / denominator)

    def matrix(self) -> Floats:
        """P (size, size), symmetric; a copy."""
        lower = np.tril(self._lower)
        return np.asarray(lower + np.tril(lower, -1).T)

    def dump(self) -> dict[str, Any]:
        """Its state: the lower triangle row by row, and a count."""
        return {"updates": self.updates, "covariance": self._lower[_triangle(self.size)].tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        packed = np.frombuffer(state["covariance"], np.float64)
        lower = np.zeros((self.size, self.size), order="F")
        lower[_triangle(self.size)] = packed
        self._lower = lower
        self.updates = int(state["updates"])
