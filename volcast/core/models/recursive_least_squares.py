"""Recursive least squares that may run for years: old data fade, what was assumed of the coefficients stays."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from river import base

from .covariance import Floats, ForgettingCovariance
from .named_features import NamedFeatures


class RecursiveLeastSquares(base.Regressor):
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
        self.features = features
        self.half_life = half_life
        self.ridge = ridge
        self.max_error = max_error
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
        """Learn from one sample."""
        self.learn_array(self._names.counted(x), float(y))

    def predict_one(self, x: dict[Any, Any]) -> float:
        """The expected target."""
        return self.predict_array(self._names.array(x))

    def learn_array(self, x: Floats, y: float) -> None:
        """As `learn_one`, with the values in the order of `features`."""
        error = min(max(y - self.predict_array(x), -self.max_error), self.max_error)
        self.coefficients += error * self._covariance.learn(x)
        index, gain = self._covariance.restore()
        self.coefficients += float(self._assumed[index] - self.coefficients[index]) * gain

    def predict_array(self, x: Floats) -> float:
        """As `predict_one`, with the values in the order of `features`."""
        return float(self.coefficients.dot(x))

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays."""
        return {"coefficients": self.coefficients.tobytes(), **self._covariance.dump(), **self._names.dump()}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.coefficients = np.frombuffer(state["coefficients"], np.float64).reshape(len(self.features)).copy()
        self._covariance.load(state)
        self._names.load(state)
