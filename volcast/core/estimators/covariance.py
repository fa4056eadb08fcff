"""The covariance of a recursive regression's coefficients: it forgets old data, but never its prior.

Not compiled: River copies its estimators, and so this part of them.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsymv, dsyr  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.arrays import Floats


@cache
def _triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of a lower triangle, row by row; cached, since all symbols share them and they are slow to compute."""
    return np.tril_indices(size)


class RestoredCovariance(NamedTuple):
    """The coefficient whose prior precision was restored, and how the coefficients must follow."""

    at: int
    """Index of the coefficient."""
    gain: Floats
    """(size,): the change of all coefficients for each unit by which that one differs from its prior."""


class ForgettingCovariance:
    """The covariance P of a recursive regression with exponential forgetting and a ridge that does not fade.

        P = J⁻¹,   J = Σ λ^age x·xᵀ + D,   λ = 2^(-1 / half_life),   D diagonal with ridge ≤ D ≤ ridge / λ^size

    An update consists of two symmetric changes of rank one (Sherman & Morrison), O(size²): J becomes λ·J + x·xᵀ, and then the
    precision that forgetting took from D is restored for one coefficient, each in turn. So J ≥ ridge always: no eigenvalue of P
    ever exceeds 1 / ridge, even in directions that the data never excite, where plain exponential forgetting lets P grow without
    bound (covariance wind-up).

    References: L. Ljung & T. Söderström, Theory and Practice of Recursive Identification (1983); S. Gunnarsson, Combining
    Tracking and Regularization in Recursive Least Squares Identification, CDC (1996).

    Args:
        size: The number of coefficients.
        half_life: The number of updates after which a sample counts half.
        ridge: Prior precision of each coefficient, in samples of a feature of size 1.

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
        self._restored = ridge * (self._decay**-size - 1.0)
        first = ridge * self._decay ** -np.arange(1.0, size + 1.0)
        self._lower: Floats = np.asfortranarray(np.diag(1.0 / first))

    def learn(self, x: Floats) -> Floats:
        """Forget a little and add the sample `x` (size,). Return the gain (size,): the coefficients' change for an error of 1."""
        px: Floats = dsymv(1.0, self._lower, x, lower=1)
        denominator = self._decay + float(x.dot(px))  # the new array last: see `predict_array`
        dsyr(-1.0 / denominator, px, a=self._lower, overwrite_a=1, lower=1)
        np.divide(self._lower, self._decay, out=self._lower)
        self.updates += 1
        return np.asarray(px / denominator)

    def restore(self) -> RestoredCovariance:
        """Restore the ridge of one coefficient, each in turn, after `learn`. Return its index and the gain towards its prior."""
        index = (self.updates - 1) % self.size
        column = np.concatenate((self._lower[index, :index], self._lower[index:, index]))
        denominator = 1.0 / self._restored + float(column[index])
        dsyr(-1.0 / denominator, column, a=self._lower, overwrite_a=1, lower=1)
        return RestoredCovariance(index, column / denominator)

    def matrix(self) -> Floats:
        """Return a copy of P, a symmetric array (size, size)."""
        lower = np.tril(self._lower)
        return np.asarray(lower + np.tril(lower, -1).T)

    def dump(self) -> dict[str, Any]:
        """Return the state: the lower triangle of P row by row, and the number of updates."""
        return {"updates": self.updates, "covariance": self._lower[_triangle(self.size)].tobytes()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        packed = np.frombuffer(state["covariance"], np.float64)
        lower = np.zeros((self.size, self.size), order="F")
        lower[_triangle(self.size)] = packed
        self._lower = lower
        self.updates = int(state["updates"])
