"""A regression for positive targets whose loss is QLIKE."""

from collections.abc import Iterator, Mapping, Sequence
from math import exp
from typing import Any

import numpy as np
from river import base

from .covariance import Floats, ForgettingCovariance
from .named_features import NamedFeatures


class GammaRegression(base.Regressor):
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
        self.features = features
        self.half_life = half_life
        self.ridge = ridge
        self.max_error = max_error
        self.max_log_ratio = max_log_ratio
        self.scale = scale
        self.prior = prior
        self._names = NamedFeatures(features)
        self._assumed: Floats = np.array([(prior or {}).get(name, 0.0) for name in features])
        self.coefficients = self._assumed.copy()
        self._covariance = ForgettingCovariance(len(features), half_life, ridge)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"features": ["ordinal_date", "gallup", "ipsos", "morning_consult", "rasmussen", "you_gov"]}

    @property
    def missing(self) -> int:
        """Features that were absent when they should have been learned from."""
        return self._names.missing

    @property
    def unknown(self) -> int:
        """Values that were learned without, for no feature has their name."""
        return self._names.unknown

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Learn from one sample; `y` below 0 counts as 0."""
        self.learn_array(self._names.counted(x), max(float(y), 0.0) / self.scale)

    def predict_one(self, x: dict[Any, Any]) -> float:
        """The expected target, positive."""
        return self.scale * exp(self.log_ratio(self._names.array(x)))

    def learn_array(self, x: Floats, ratio: float) -> None:
        """As `learn_one`, with the values in the order of `features` and the target over its scale, which may vary."""
        error = min(ratio * exp(-self.log_ratio(x)) - 1.0, self.max_error)
        self.coefficients += error * self._covariance.learn(x)
        index, gain = self._covariance.restore()
        self.coefficients += float(self._assumed[index] - self.coefficients[index]) * gain

    def log_ratio(self, x: Floats) -> float:
        """log(f / scale), with the values in the order of `features`."""
        return min(max(float(self.coefficients.dot(x)), -self.max_log_ratio), self.max_log_ratio)

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays."""
        return {"coefficients": self.coefficients.tobytes(), **self._covariance.dump(), **self._names.dump()}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.coefficients = np.frombuffer(state["coefficients"], np.float64).reshape(len(self.features)).copy()
        self._covariance.load(state)
        self._names.load(state)
