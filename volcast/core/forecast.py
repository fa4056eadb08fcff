"""Forecasts, and the answers to them: an hour after a forecast its outcome is known, and the model learns from it, once.

Test-then-train by construction: `answer` scores the forecast with what the model knew when it made it, then lets it learn.
"""

from math import log, sqrt
from typing import Any, NamedTuple

import numpy as np

from .features import FEATURES, VARIANCE_FLOOR, VarianceFeatures
from .models import MODELS
from .models.ewma import Ewma
from .types import HORIZON_MINUTES, MINUTE_MS, Outcome

_NOT_PENDING = -1


class Forecast(NamedTuple):
    """Variances summed over the horizon."""

    variance: float
    variance_ewma: float


def qlike(realized_variance: float, variance: float) -> float:
    """RV/f - log(RV/f) - 1: 0 for a perfect forecast, robust to noise in RV (Patton, 2011). A flat hour counts as the floor.

    >>> qlike(4e-5, 4e-5)
    0.0
    """
    ratio = max(realized_variance, HORIZON_MINUTES * VARIANCE_FLOOR) / variance
    return ratio - log(ratio) - 1


class Forecaster:
    """A model, its features and its forecasts of the last hour that wait for their answer."""

    def __init__(self, model: str) -> None:
        self.features = VarianceFeatures()
        self.model = MODELS[model]()
        self.answered = 0
        self._baseline = Ewma()
        self._pending_open_ms = np.full(HORIZON_MINUTES, _NOT_PENDING, np.int64)
        self._pending = np.zeros((HORIZON_MINUTES, len(FEATURES) + 2))

    def observe(self, open_time_ms: int, log_return: float) -> Outcome | None:
        """A minute that directly follows the one before: answer the forecast that falls due with it, and learn from it."""
        self.features.push(log_return * log_return)
        made_ms = open_time_ms - HORIZON_MINUTES * MINUTE_MS
        slot = _slot(made_ms)
        if self._pending_open_ms[slot] != made_ms:
            return None
        *x, variance, variance_ewma = self._pending[slot].tolist()
        realized = self.features.realized_variance()
        self.answered += 1
        self.model.learn_one(dict(zip(FEATURES, x, strict=True)), realized)
        return Outcome(
            open_time_ms=made_ms,
            realized_volatility=sqrt(realized),
            volatility=sqrt(variance),
            volatility_ewma=sqrt(variance_ewma),
            qlike=qlike(realized, variance),
            qlike_ewma=qlike(realized, variance_ewma),
        )

    def forget_pending(self) -> None:
        """Minutes are missing: the hours that contain them will never be known."""
        self._pending_open_ms.fill(_NOT_PENDING)

    def forecast(self, open_time_ms: int) -> Forecast:
        """The hour after the minute that opened at `open_time_ms`; remembered until its answer is there."""
        x = self.features.vector()
        made = Forecast(self.model.predict_one(x), self._baseline.predict_one(x))
        slot = _slot(open_time_ms)
        self._pending_open_ms[slot] = open_time_ms
        self._pending[slot] = (*x.values(), *made)
        return made

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays (float64 and int64, little-endian, C order)."""
        f = self.features
        return {
            "answered": self.answered,
            "pending_open_ms": self._pending_open_ms.tobytes(),
            "pending": self._pending.tobytes(),
            "ewma": f.ewma,
            "minutes": f.minutes,
            "windows": {name: [w.closed.tobytes(), w.closed_count, w.open_sum, w.open_count] for name, w in f.windows.items()},
            "model": self.model.dump(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.answered = int(state["answered"])
        self._pending_open_ms = _array(state["pending_open_ms"], np.dtype(np.int64), self._pending_open_ms.shape)
        self._pending = _array(state["pending"], np.dtype(np.float64), self._pending.shape)
        self.features.ewma, self.features.minutes = float(state["ewma"]), int(state["minutes"])
        for name, window in self.features.windows.items():
            closed, closed_count, open_sum, open_count = state["windows"][name]
            window.load(_array(closed, np.dtype(np.float64), window.closed.shape), closed_count, open_sum, open_count)
        self.model.load(state["model"])


def _slot(open_time_ms: int) -> int:
    return open_time_ms // MINUTE_MS % HORIZON_MINUTES


def _array(raw: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.frombuffer(raw, dtype).reshape(shape).copy()
