"""Recursive gamma regression: a regression of positive targets whose loss is QLIKE.

Not compiled: River inspects its estimators.
"""

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from volcast.core.arrays import Floats

from .recursive_regression import RecursiveRegression


class GammaRegression(RecursiveRegression):
    """Recursive gamma regression with log link: a generalised linear model of a positive mean.

        f = scale × exp(w·x),   loss = y/f - log(y/f) - 1,   w ← w + P·x · (y/f - 1)

    The loss is half the unit deviance of the gamma distribution, called QLIKE when y is a variance. With the log link a sample's
    Fisher information is x·xᵀ for any f, so the step along the natural gradient uses the same P as recursive least squares.
    Forgetting and prior are those of `RecursiveLeastSquares`. y/f - 1 is clipped at `max_error`, which bounds the effect of a
    heavy tail of y. |w·x| is clipped at `max_log_ratio`, so every forecast lies within scale × exp(±max_log_ratio).

    References: P. McCullagh & J. Nelder, Generalized Linear Models (1989), chapter 8; A. Patton, Volatility Forecast Comparison
    Using Imperfect Volatility Proxies, J. Econometrics 160 (2011); S. Amari, Natural Gradient Works Efficiently in Learning,
    Neural Computation 10 (1998).

    Args:
        features: The names of the regressors.
        half_life: The number of learned samples after which a sample counts half.
        ridge: Weight of the prior, in samples of a feature of size 1.
        max_error: Upper bound of y/f - 1.
        max_log_ratio: Bound of |log(f / scale)|.
        scale: The forecast before anything was learned, in the unit of the target.
        prior: Coefficients before anything was learned, by feature; 0 if a name is absent.

    >>> model = GammaRegression(features=["one"], ridge=1.0)
    >>> for y in [1.0, 4.0] * 500:
    ...     model.learn_one({"one": 1.0}, y)
    >>> round(model.predict_one({"one": 1.0}), 1)
    2.5
    """

    def __init__(
        self,
        features: Sequence[str],
        *,
        half_life: float = 10_000.0,
        ridge: float = 100.0,
        max_error: float = 6.0,
        max_log_ratio: float = 3.0,
        scale: float = 1.0,
        prior: Mapping[str, float] | None = None,
    ) -> None:
        self._initialize(features, half_life, ridge, prior)
        self.max_error = max_error
        self.max_log_ratio = max_log_ratio
        self.scale = scale

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn from one sample: features by name and their target; a negative `y` counts as 0."""
        self.learn_array(self._names.counted_array(x), max(float(y), 0.0) / self.scale)

    def predict_one(self, x: dict[Any, Any]) -> float:
        """Return the expected target, a positive number."""
        return self.scale * exp(self.log_ratio(self._names.array(x)))

    def learn_array(self, x: Floats, ratio: float) -> None:
        """Learn as `learn_one` does, from an array (n,) in the order of `features` and the target divided by its scale."""
        error = min(ratio * exp(-self.log_ratio(x)) - 1.0, self.max_error)
        self._update(x, error)

    def log_ratio(self, x: Floats) -> float:
        """Return log(f / scale) for an array (n,) in the order of `features`."""
        ratio, limit = float(x.dot(self.coefficients)), self.max_log_ratio
        return ratio if -limit <= ratio <= limit else min(max(ratio, -limit), limit)
