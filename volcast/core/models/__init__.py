"""The table of forecasters: River regressors from features (variances per minute) to the variance expected over the horizon.

Each passes `tests/contracts/test_models.py` and River's own `check_estimator`.
"""

from collections.abc import Callable
from typing import Any, Protocol

from .ewma import Ewma
from .log_har import LogHar


class Model(Protocol):
    """What an engine asks of a forecaster."""

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """After features `x` the realized variance over the horizon was `y`."""

    def predict_one(self, x: dict[Any, Any]) -> float:
        """The variance expected over the horizon: positive and finite, whatever `x` is."""

    def dump(self) -> dict[str, Any]:
        """Its state: numbers, texts and raw arrays, nothing that a reader would have to execute."""

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError or ValueError where `state` is something else."""


MODELS: dict[str, Callable[[], Model]] = {"log_har": LogHar, "ewma": Ewma}
