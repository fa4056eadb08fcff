"""From River's dicts to arrays in a fixed order."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from volcast.core.arrays import Floats


class NamedFeatures:
    """The names of a model's features in their order; it counts where a sample has others.

    >>> named = NamedFeatures(["a", "b"])
    >>> named.counted({"b": 2.0, "c": 3.0}).tolist(), named.missing, named.unknown
    ([0.0, 2.0], 1, 1)
    """

    def __init__(self, features: Sequence[str]) -> None:
        if len(set(features)) != len(features):
            raise ValueError("a feature's name stands twice")
        self._features = tuple(features)
        self.missing = 0
        self.unknown = 0

    def array(self, x: dict[Any, Any]) -> Floats:
        """The values in the features' order; 0 where one is absent or no finite number."""
        values = (float(x.get(name, 0.0)) for name in self._features)
        return np.array([value if isfinite(value) else 0.0 for value in values])

    def counted(self, x: dict[Any, Any]) -> Floats:
        """The same, and count what is absent and what has no place."""
        present = sum(name in x for name in self._features)
        self.missing += len(self._features) - present
        self.unknown += len(x) - present
        return self.array(x)

    def dump(self) -> dict[str, Any]:
        """The counts."""
        return {"missing": self.missing, "unknown": self.unknown}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on."""
        self.missing, self.unknown = int(state["missing"]), int(state["unknown"])
