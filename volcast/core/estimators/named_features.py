"""Conversion of River's feature dicts to arrays in a fixed order.

Not compiled: River copies its estimators, and so this part of them.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from volcast.core.arrays import Floats


class NamedFeatures:
    """The names of a model's features in their order, and counts of absent and of unknown names in the samples.

    Raises ValueError if a name is given twice.

    >>> named = NamedFeatures(["a", "b"])
    >>> named.counted_array({"b": 2.0, "c": 3.0}).tolist(), named.missing, named.unknown
    ([0.0, 2.0], 1, 1)
    """

    def __init__(self, features: Sequence[str]) -> None:
        if len(set(features)) != len(features):
            raise ValueError("a feature's name is given twice")
        self._features = tuple(features)
        self.missing = 0
        self.unknown = 0

    def array(self, x: dict[Any, Any]) -> Floats:
        """Return the values (n,) in the order of the features, 0 for each that is absent or not finite."""
        values = (float(x.get(name, 0.0)) for name in self._features)
        return np.array([value if isfinite(value) else 0.0 for value in values])

    def counted_array(self, x: dict[Any, Any]) -> Floats:
        """Return the same array as `array`, and count absent features in `missing` and other names in `unknown`."""
        present = sum(name in x for name in self._features)
        self.missing += len(self._features) - present
        self.unknown += len(x) - present
        return self.array(x)

    def dump(self) -> dict[str, Any]:
        """Return both counts."""
        return {"missing": self.missing, "unknown": self.unknown}

    def load(self, state: dict[str, Any]) -> None:
        """Restore counts that `dump` returned. Raises KeyError, TypeError or ValueError if they do not fit."""
        self.missing, self.unknown = int(state["missing"]), int(state["unknown"])
