"""Recursive least squares that may run for years: old data fade, what was assumed of the coefficients stays."""

from collections.abc import Mapping, Sequence
from typing import Any

from volcast.core.arrays import Floats

from .recursive_regression import RecursiveRegression


class RecursiveLeastSquares(RecursiveRegression):
    """Linear regression by exponentially weighted least squares with a ridge that forgetting does not wear away.

        w = argmin Σ λ^age (y - w·x)² + (w - prior)ᵀ D (w - prior),   λ = 2^(-1 / half_life),   ridge ≤ D ≤ ridge / λ^size

    `features` are the regressors, in this order; others that come along are ignored and counted in `unknown`, absent ones stand
    at 0 and are counted in `missing`, by `learn_one`. For an intercept, give a feature that is always 1. An error beyond
    `max_error` is taken for `max_error`: one absurd label moves no coefficient far (Huber's influence function). O(n²) a
    learning step, with n features; `predict_one` is O(n).

    References: L. Ljung & T. Söderström, Theory and Practice of Recursive Identification (1983); see also
    `ForgettingCovariance`.

    Args:
        features: The names of the regressors.
        half_life: After so many learned samples one counts half.
        ridge: What the prior weighs, in samples of a feature of size 1.
        max_error: In the unit of the target.
        prior: Coefficients that are assumed before anything was learned; 0 where a name is absent.

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
        self._begin(features, half_life, ridge, prior)
        self.max_error = max_error

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn from one sample."""
        self.learn_array(self._names.counted(x), float(y))

    def predict_one(self, x: dict[Any, Any]) -> float:
        """The expected target."""
        return self.predict_array(self._names.array(x))

    def learn_array(self, x: Floats, y: float) -> None:
        """As `learn_one`, with the values in the order of `features`."""
        error = min(max(y - self.predict_array(x), -self.max_error), self.max_error)
        self._follow(x, error)

    def predict_array(self, x: Floats) -> float:
        """As `predict_one`, with the values in the order of `features`."""
        return float(self.coefficients.dot(x))
