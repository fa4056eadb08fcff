"""The market of one symbol after each minute. All models of the symbol share it, so it is computed once."""

from typing import Any, Final

from .features import PRIOR_VARIANCE, VARIANCE_FLOOR, Features, State
from .indicators import Indicators
from .noise import NoiseRatio
from .realized_variance import RealizedVariances

EWMA_LAMBDA: Final = 0.995
_PRIOR_MINUTES: Final = 10


class Market:
    """The market data that models read: features, indicators, variances, noise and the EWMA baseline, updated by each candle.

    Everything is causal and of bounded size. `variances` adds the windows of the HAR models, which cost as much as all features.

    >>> market = Market()
    >>> market.push(28_401_120, (100.0, 101.0, 99.0, 100.0, 5e4), None)
    >>> market.minute, market.variances, round((market.ewma * 525_600) ** 0.5, 3)
    (28401120, None, 0.6)
    """

    def __init__(self, *, variances: bool = False) -> None:
        self.minute = 0
        """Opening of the last candle, in minutes since 1970-01-01 UTC."""
        self.high = self.low = 0.0
        """Of the last candle; not part of the state."""
        self.features = Features()
        self.indicators = Indicators()
        self.variances = RealizedVariances() if variances else None
        """None unless a model needs them."""
        self.noise = NoiseRatio()
        self._ewma = PRIOR_VARIANCE
        self._returns = 0
        self._state: State | None = None

    def push(self, minute: int, candle: tuple[float, float, float, float, float], log_return: float | None) -> None:
        """Add a candle: open, high, low and close, and the volume in the quote currency.

        `minute` is its opening in minutes since 1970-01-01 UTC. `log_return` is the log return from the close of the minute
        before, None if that minute is missing.
        """
        _, high, low, _, volume = candle
        self.minute, self.high, self.low = minute, high, low
        self.features.push(minute, candle, log_return)
        self.indicators.push(minute, high, low, volume, log_return)
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
        """The features after the last candle. Raises ValueError before the first one."""
        if self._state is None:
            self._state = self.features.state()
        return self._state

    @property
    def log_price(self) -> float:
        """Log of the last close."""
        return self.features.log_price

    @property
    def ewma(self) -> float:
        """The baseline, a variance per minute: EWMA of squared log returns with λ = 0.995 (RiskMetrics, 1996)."""
        return max(self._ewma, VARIANCE_FLOOR)

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays (float64, little-endian, C order)."""
        return {
            "minute": self.minute,
            "features": self.features.dump(),
            "windows": self.indicators.dump(),
            "variances": self.variances and self.variances.dump(),
            "noise": self.noise.dump(),
            "ewma": self._ewma,
            "returns": self._returns,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.minute = int(state["minute"])
        self.features.load(state["features"])
        self.indicators.load(state["windows"])
        if self.variances is not None:
            self.variances.load(state["variances"])
        self.noise.load(state["noise"])
        self._ewma, self._returns = float(state["ewma"]), int(state["returns"])
        self._state = None
