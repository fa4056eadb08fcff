"""The base of the recursive regressions: named features, coefficients, their prior, and the update for a given error."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from river import base

from volcast.core.arrays import Floats

from .covariance import ForgettingCovariance
from .named_features import NamedFeatures


class RecursiveRegression(base.Regressor):
    """Base of linear models with a recursive update; a subclass defines the error.

        w ← w + error · P·x
        w ← w + (prior[i] - w[i]) · gain,   i = 0, 1, … in turn

    The first step follows the sample; P contains it already. The second draws one coefficient back to its prior by as much as
    forgetting has weakened its ridge. `ForgettingCovariance` defines P and both gains.
    """

    def _initialize(self, features: Sequence[str], half_life: float, ridge: float, prior: Mapping[str, float] | None) -> None:
        self.features = features
        self.half_life = half_life
        self.ridge = ridge
        self.prior = prior
        self._names = NamedFeatures(features)
        self._prior_mean: Floats = np.array([(prior or {}).get(name, 0.0) for name in features])
        self.coefficients = self._prior_mean.copy()
        self._covariance = ForgettingCovariance(len(features), half_life, ridge)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"features": ["ordinal_date", "gallup", "ipsos", "morning_consult", "rasmussen", "you_gov"]}

    @property
    def missing(self) -> int:
        """Number of feature values that were absent from the samples learned so far; each counted as 0."""
        return self._names.missing

    @property
    def unknown(self) -> int:
        """Number of values in the samples learned so far that were ignored, since no feature has their name."""
        return self._names.unknown

    def _update(self, x: Floats, error: float) -> None:
        self.coefficients += error * self._covariance.learn(x)
        index, gain = self._covariance.restore()
        self.coefficients += float(self._prior_mean[index] - self.coefficients[index]) * gain

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays."""
        return {"coefficients": self.coefficients.tobytes(), **self._covariance.dump(), **self._names.dump()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.coefficients = np.frombuffer(state["coefficients"], np.float64).reshape(len(self.features)).copy()
        self._covariance.load(state)
        self._names.load(state)
