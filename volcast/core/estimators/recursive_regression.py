"""What the recursive regressions have in common: named features, coefficients, a prior of them, and how they follow an error."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from river import base

from volcast.core.arrays import Floats

from .covariance import ForgettingCovariance
from .named_features import NamedFeatures


class RecursiveRegression(base.Regressor):
    """A base; whoever derives from it says what an error is.

        w ← w + error · P·x,   then one coefficient in turn is drawn back to its prior as forgetting took from its ridge

    See `ForgettingCovariance` for P.
    """

    def _begin(self, features: Sequence[str], half_life: float, ridge: float, prior: Mapping[str, float] | None) -> None:
        self.features = features
        self.half_life = half_life
        self.ridge = ridge
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

    def _follow(self, x: Floats, error: float) -> None:
        self.coefficients += error * self._covariance.learn(x)
        index, gain = self._covariance.restore()
        self.coefficients += float(self._assumed[index] - self.coefficients[index]) * gain

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays."""
        return {"coefficients": self.coefficients.tobytes(), **self._covariance.dump(), **self._names.dump()}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.coefficients = np.frombuffer(state["coefficients"], np.float64).reshape(len(self.features)).copy()
        self._covariance.load(state)
        self._names.load(state)
