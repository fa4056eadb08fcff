"""The textbook models, and River's own regression on the champion's features: to be measured against, or to run in its shadow.

    log RV = start + w·x + u

`start` is the log volatility if what has been went on, x what the model looks at. Calibration and intervals are the learner's,
the same for all models: what is compared is the model.
"""

from collections.abc import Mapping
from math import cos, isfinite, log, pi, sin
from typing import Any, Protocol

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES, is_weekend
from volcast.core.market.features import PRIOR_VARIANCE, VARIANCE_FLOOR
from volcast.core.market.realized_variance import WINDOWS
from volcast.core.market.state import Market

from .contract import Estimate
from .design import DESIGN_NAMES, Design

_LOG_EXCESS = 0.25
_SCALE = 0.35
_SPREAD = 0.75
_MAX_DEPARTURE = 3.0
"""log RV never strays further from its start: a regression that says so has left what it has seen."""
_HARMONICS = (1, 2, 3, 4)
_LEVEL = DESIGN_NAMES.index("level")


class Regression(Protocol):
    """A River regressor that can be written down."""

    def learn_one(self, x: dict[Any, Any], y: float) -> None: ...  # River's
    def predict_one(self, x: dict[Any, Any]) -> float: ...  # River's
    def dump(self) -> dict[str, Any]: ...  # as of all models
    def load(self, state: dict[str, Any]) -> None: ...  # as of all models


class Inputs(Protocol):
    """What a regression looks at."""

    names: tuple[str, ...]

    def row(self, market: Market, design: Design) -> Floats:
        """The start, and a value for each name."""


class Last:
    """As the last horizon was; an intercept."""

    names: tuple[str, ...] = ("one",)

    def row(self, market: Market, design: Design) -> Floats:
        """(2,)."""
        realized = market.windows.realized_variance(design.horizon_minutes)
        seen = len(market.windows.returns(design.horizon_minutes))
        mean = realized / seen if seen else PRIOR_VARIANCE
        return np.array([_log_volatility(mean, design), 1.0])


class Ewma:
    """As the exponentially weighted past (RiskMetrics, 1996); an intercept."""

    names: tuple[str, ...] = ("one",)

    def row(self, market: Market, design: Design) -> Floats:
        """(2,)."""
        return np.array([_log_volatility(market.ewma, design), 1.0])


class Har:
    """Heterogeneous autoregression of log realized volatility (Corsi, 2009) on an hour, four hours, a day and a week."""

    names: tuple[str, ...] = ("one", "level", *WINDOWS)

    def row(self, market: Market, design: Design) -> Floats:
        """(7,). Log volatilities over that of the EWMA, which is the start: a model that knows nothing yet forecasts it."""
        if market.variances is None:
            raise ValueError("the market keeps no variance windows")
        ewma = market.ewma
        ratios = (0.5 * log(variance / ewma) for variance in market.variances.vector().values())
        return np.array([_log_volatility(ewma, design), 1.0, 0.5 * log(ewma / PRIOR_VARIANCE), *ratios])


class HarDiurnal(Har):
    """The same with four daily harmonics and a mark for the weekend."""

    names = (*Har.names, *(f"{wave}_{k}" for k in _HARMONICS for wave in ("sin", "cos")), "weekend")

    def row(self, market: Market, design: Design) -> Floats:
        """(16,)."""
        day = 2 * pi * (market.minute % DAY_MINUTES) / DAY_MINUTES
        waves = [wave(k * day) for k in _HARMONICS for wave in (sin, cos)]
        return np.concatenate((super().row(market, design), waves, [float(is_weekend(market.minute))]))


class Full:
    """All that the champion looks at."""

    names = DESIGN_NAMES

    def row(self, market: Market, design: Design) -> Floats:
        """(84,)."""
        row = design.row(market.minute, market.state)
        return np.concatenate(([row[_LEVEL] + _log_volatility(PRIOR_VARIANCE, design)], row))


class Textbook:
    """One regression on some inputs, made a model."""

    def __init__(self, horizon_minutes: int, inputs: Inputs, regression: Regression) -> None:
        self.names = ("start", *inputs.names)
        self.inputs = inputs
        self.regression = regression
        self.design = Design(horizon_minutes)

    def row(self, market: Market) -> Floats:
        """The start, and the inputs."""
        return self.inputs.row(market, self.design)

    def estimate(self, row: Floats) -> Estimate:
        """The median by the regression; all else constant."""
        start, *x = row.tolist()
        departure = self.regression.predict_one(self._named(x))
        departure = min(max(departure, -_MAX_DEPARTURE), _MAX_DEPARTURE) if isfinite(departure) else 0.0
        return Estimate(start + departure, _LOG_EXCESS, _SCALE, _SPREAD)

    def learn(self, row: Floats, made: Estimate, log_volatility: float, log_return: float) -> None:  # noqa: ARG002  # the contract's
        """The regression learns."""
        start, *x = row.tolist()
        self.regression.learn_one(self._named(x), log_volatility - start)

    def notice(self, minute: int, departure: float) -> None:
        """The clocks' profiles learn."""
        self.design.learn(minute, departure)

    def usual(self, minute: int) -> float:
        """By New York's day, weekends apart."""
        return self.design.usual(minute)

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        """No coefficients: such a model starts from nothing."""
        return {}, self.design.learned()

    def dump(self) -> dict[str, Any]:
        """Its state, by part."""
        return {"design": self.design.dump(), "regression": self.regression.dump()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.design.load(state["design"])
        self.regression.load(state["regression"])

    def _named(self, x: list[float]) -> dict[Any, Any]:
        return dict(zip(self.inputs.names, x, strict=True))


def _log_volatility(variance_per_minute: float, design: Design) -> float:
    return 0.5 * log(max(variance_per_minute, VARIANCE_FLOOR) * design.horizon_minutes)
