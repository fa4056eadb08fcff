"""One symbol's market after each minute, as all its models see it: kept once, however many of them look at it."""

from typing import Any

from .features import PRIOR_VARIANCE, VARIANCE_FLOOR, Features, State
from .indicators import Indicators
from .noise import NoiseRatio
from .realized_variance import RealizedVariances

EWMA_LAMBDA = 0.995
_PRIOR_MINUTES = 10


class Market:
    """Candles in; the state, the windows and the baseline out. All causal, bounded and positive from the first candle on."""

    def __init__(self, *, variances: bool = False) -> None:
        self.minute = 0
        """Of the last candle, since 1970-01-01 UTC."""
        self.features = Features()
        self.windows = Indicators()
        self.variances = RealizedVariances() if variances else None
        """Only where a model asks for them: they cost as much as all the features."""
        self.noise = NoiseRatio()
        self._ewma = PRIOR_VARIANCE
        self._returns = 0
        self._state: State | None = None

    def push(self, minute: int, candle: tuple[float, float, float, float, float], log_return: float | None) -> None:
        """Take in the candle (open, high, low, close, volume in the quote currency) of `minute`.

        `log_return` is the close's since the minute before, None where that is missing.
        """
        _, high, low, _, volume = candle
        self.minute = minute
        self.features.push(minute, candle, log_return)
        self.windows.push(minute, high, low, volume, log_return)
        self.noise.push(log_return)
        self._state = None
        if log_return is not None:
            squared = log_return * log_return
            if self.variances is not None:
                self.variances.push(squared)
            self._returns += 1
            gain = max(1 - EWMA_LAMBDA, 1 / (_PRIOR_MINUTES + self._returns))
            self._ewma += gain * (squared - self._ewma)

    @property
    def state(self) -> State:
        """The features now. Raises ValueError before the first candle."""
        if self._state is None:
            self._state = self.features.state()
        return self._state

    @property
    def log_price(self) -> float:
        """Of the last close."""
        return self.features.log_price

    @property
    def ewma(self) -> float:
        """The baseline: the exponentially weighted mean of squared returns, per minute (RiskMetrics, 1996; lambda 0.995)."""
        return max(self._ewma, VARIANCE_FLOOR)

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays (float64, little-endian, C order)."""
        return {
            "minute": self.minute,
            "features": self.features.dump(),
            "windows": self.windows.dump(),
            "variances": self.variances and self.variances.dump(),
            "noise": self.noise.dump(),
            "ewma": self._ewma,
            "returns": self._returns,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.minute = int(state["minute"])
        self.features.load(state["features"])
        self.windows.load(state["windows"])
        if self.variances is not None:
            self.variances.load(state["variances"])
        self.noise.load(state["noise"])
        self._ewma, self._returns = float(state["ewma"]), int(state["returns"])
        self._state = None
