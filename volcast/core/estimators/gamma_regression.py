"""A regression for positive targets whose loss is QLIKE."""

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

from volcast.core.arrays import Floats

from .recursive_regression import RecursiveRegression


class GammaRegression(RecursiveRegression):
    """Recursive gamma regression with log link: a generalised linear model for a positive mean.

        f = scale × exp(w·x),   loss = y/f - log(y/f) - 1,   w ← w + P·x · (y/f - 1)

    The loss is the gamma deviance, known as QLIKE where y is a variance. With the log link Fisher's information of a sample is
    x·xᵀ whatever f is, so the natural gradient's step needs the same P as recursive least squares, and w·x is stable. It forgets
    and keeps its prior as `RecursiveLeastSquares` does. y/f - 1 is cut at `max_error`: the heavy tail of y moves w only so far.
    |w·x| is cut at `max_log_ratio`: no sample, however odd, is forecast beyond `scale` times its exponential.

    References: P. McCullagh & J. Nelder, Generalized Linear Models (1989), chapter 8; A. Patton, Volatility Forecast Comparison
    Using Imperfect Volatility Proxies, J. Econometrics 160 (2011); S. Amari, Natural Gradient Works Efficiently in Learning,
    Neural Computation 10 (1998).

    Args:
        features: The names of the regressors.
        half_life: After so many learned samples one counts half.
        ridge: What the prior weighs, in samples of a feature of size 1.
        max_error: Of y/f - 1.
        max_log_ratio: Of log(f / scale).
        scale: The forecast before anything was learned.
        prior: Coefficients that are assumed before anything was learned; 0 where a name is absent.

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
        self._begin(features, half_life, ridge, prior)
        self.max_error = max_error
        self.max_log_ratio = max_log_ratio
        self.scale = scale

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn from one sample; `y` below 0 counts as 0."""
        self.learn_array(self._names.counted(x), max(float(y), 0.0) / self.scale)

    def predict_one(self, x: dict[Any, Any]) -> float:
        """The expected target, positive."""
        return self.scale * exp(self.log_ratio(self._names.array(x)))

    def learn_array(self, x: Floats, ratio: float) -> None:
        """As `learn_one`, with the values in the order of `features` and the target over its scale, which may vary."""
        error = min(ratio * exp(-self.log_ratio(x)) - 1.0, self.max_error)
        self._follow(x, error)

    def log_ratio(self, x: Floats) -> float:
        """log(f / scale), with the values in the order of `features`."""
        return min(max(float(self.coefficients.dot(x)), -self.max_log_ratio), self.max_log_ratio)
