"""Recursive least squares that can run for years: old data fade, the prior of the coefficients stays.

Not compiled: River inspects its estimators.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from volcast.core.arrays import Floats

from .recursive_regression import RecursiveRegression


class RecursiveLeastSquares(RecursiveRegression):
    """Linear regression by exponentially weighted least squares with a ridge that does not fade.

        w = argmin Σ λ^age (y - w·x)² + (w - prior)ᵀ D (w - prior),   λ = 2^(-1 / half_life),   ridge ≤ D ≤ ridge / λ^size

    `features` names the regressors in their order. `learn_one` ignores any other value and counts it in `unknown`; an absent one
    is 0 and counted in `missing`. For an intercept, give a feature that is always 1. Errors are clipped to ±`max_error`, so that
    one absurd label moves no coefficient far (Huber's influence function). With n features a learning step costs O(n²) and a
    prediction O(n).

    References: L. Ljung & T. Söderström, Theory and Practice of Recursive Identification (1983); see also
    `ForgettingCovariance`.

    Args:
        features: The names of the regressors.
        half_life: The number of learned samples after which a sample counts half.
        ridge: Weight of the prior, in samples of a feature of size 1.
        max_error: Largest error learned from, in the unit of the target.
        prior: Coefficients before anything was learned, by feature; 0 if a name is absent.

    >>> model = RecursiveLeastSquares(features=["one", "x"], ridge=1e-3)
    >>> for x in range(100):
    ...     model.learn_one({"one": 1.0, "x": x / 10}, 2.0 + 3.0 * x / 10)
    >>> round(model.predict_one({"one": 1.0, "x": 4.0}), 2)
    14.0
    """

    def __init__(
        self,
        features: Sequence[str],
        *,
        half_life: float = 10_000.0,
        ridge: float = 20.0,
        max_error: float = float("inf"),
        prior: Mapping[str, float] | None = None,
    ) -> None:
        self._initialize(features, half_life, ridge, prior)
        self.max_error = max_error

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn from one sample: features by name and their target."""
        self.learn_array(self._names.counted_array(x), float(y))

    def predict_one(self, x: dict[Any, Any]) -> float:
        """Return the expected target."""
        return self.predict_array(self._names.array(x))

    def learn_array(self, x: Floats, y: float) -> None:
        """Learn as `learn_one` does, from an array (n,) in the order of `features`."""
        error = min(max(y - self.predict_array(x), -self.max_error), self.max_error)
        self._update(x, error)

    def predict_array(self, x: Floats) -> float:
        """Predict as `predict_one` does, for an array (n,) in the order of `features`."""
        # In this order: the oldest BLAS kernels round by the address of the last array, and `x` may be a row anywhere in another.
        return float(x.dot(self.coefficients))
