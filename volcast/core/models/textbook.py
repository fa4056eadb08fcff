"""Textbook models, and River's own regression on the champion's features: benchmarks, which may also run as shadows.

    log RV = start + w·x + u

`start` is the log volatility if it stayed as it was, x the model's inputs, w learned, u the error. Calibration and intervals come
from the learner and are the same for all models, so that a comparison is one of the models alone.

Not compiled: users write models of their own as subclasses of these.

References: F. Corsi, A Simple Approximate Long-Memory Model of Realized Volatility, J. Financial Econometrics 7 (2009);
J.P. Morgan & Reuters, RiskMetrics Technical Document (1996).
"""

from collections.abc import Mapping, Sequence
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
_MAX_DEVIATION = 3.0
"""Largest distance of log RV from its start: beyond it the regression extrapolates far outside what it has seen."""
_HARMONICS = (1, 2, 3, 4)
_LEVEL = DESIGN_NAMES.index("level")


class Regression(Protocol):
    """A River regressor whose state can be stored."""

    def learn_one(self, x: dict[Any, Any], y: float) -> None: ...  # River's
    def predict_one(self, x: dict[Any, Any]) -> float: ...  # River's
    def dump(self) -> dict[str, Any]: ...  # as in every estimator
    def load(self, state: dict[str, Any]) -> None: ...  # as in every estimator


class Inputs(Protocol):
    """The inputs of a regression."""

    names: tuple[str, ...]

    def row(self, market: Market, design: Design) -> Floats:
        """Return a new array (1 + len(names),): the start, and a value for each name."""


class Last:
    """The volatility of the last horizon, and an intercept."""

    names: tuple[str, ...] = ("one",)

    def row(self, market: Market, design: Design) -> Floats:
        """Return the start and the intercept, (2,)."""
        realized = market.indicators.realized_variance(design.horizon_minutes)
        seen = len(market.indicators.returns(design.horizon_minutes))
        mean = realized / seen if seen else PRIOR_VARIANCE
        return np.array([_log_volatility(mean, design), 1.0])


class Ewma:
    """The plain EWMA (RiskMetrics, 1996), and an intercept with which the model `ewma` corrects its level online."""

    names: tuple[str, ...] = ("one",)

    def row(self, market: Market, design: Design) -> Floats:
        """Return the start and the intercept, (2,)."""
        return np.array([_log_volatility(market.ewma, design), 1.0])


class Har:
    """Heterogeneous autoregression of log realized volatility (Corsi, 2009) on an hour, four hours, a day and a week."""

    names: tuple[str, ...] = ("one", "level", *WINDOWS)

    def row(self, market: Market, design: Design) -> Floats:
        """Return an array (7,): the EWMA as start, so that a new model forecasts it; then the log ratios of the windows to it.

        Raises ValueError if the market keeps no windows of realized variance.
        """
        if market.variances is None:
            raise ValueError("the market keeps no windows of realized variance")
        ewma = market.ewma
        ratios = (0.5 * log(variance / ewma) for variance in market.variances.vector().values())
        return np.array([_log_volatility(ewma, design), 1.0, 0.5 * log(ewma / PRIOR_VARIANCE), *ratios])


class HarDiurnal(Har):
    """The inputs of `Har`, four daily harmonics and an indicator of the weekend."""

    names = (*Har.names, *(f"{wave}_{k}" for k in _HARMONICS for wave in ("sin", "cos")), "weekend")

    def row(self, market: Market, design: Design) -> Floats:
        """Return an array (16,)."""
        day = 2 * pi * (market.minute % DAY_MINUTES) / DAY_MINUTES
        waves = [wave(k * day) for k in _HARMONICS for wave in (sin, cos)]
        return np.concatenate((super().row(market, design), waves, [float(is_weekend(market.minute))]))


class Full:
    """All regressors of the champion."""

    names: tuple[str, ...] = DESIGN_NAMES

    def row(self, market: Market, design: Design) -> Floats:
        """Return an array (84,)."""
        row = design.row(market.minute, market.state)
        return np.concatenate(([row[_LEVEL] + _log_volatility(PRIOR_VARIANCE, design)], row))


class PartOfFull(Full):
    """Some regressors of the champion, by name. Raises ValueError for a name that is none of them, or is given twice."""

    def __init__(self, names: Sequence[str]) -> None:
        if unknown := [name for name in names if name not in DESIGN_NAMES]:
            raise ValueError(f"there is no feature {', '.join(map(repr, unknown))}; docs/forecast.md lists the features")
        if len(set(names)) < len(names) or not names:
            raise ValueError("at least one feature is needed, and each only once")
        self.names = tuple(names)
        self._at = [0, *(1 + DESIGN_NAMES.index(name) for name in names)]

    def row(self, market: Market, design: Design) -> Floats:
        """Return an array (1 + len(names),)."""
        return super().row(market, design)[self._at]


class Textbook:
    """A model that consists of one regression on some inputs; everything but the median is constant."""

    def __init__(self, horizon_minutes: int, inputs: Inputs, regression: Regression) -> None:
        self.names = ("start", *inputs.names)
        self.inputs = inputs
        self.regression = regression
        self.design = Design(horizon_minutes)

    def row(self, market: Market) -> Floats:
        """Return the start and the inputs, (len(names),)."""
        return self.inputs.row(market, self.design)

    def estimate(self, row: Floats) -> Estimate:
        """Return the median of the regression, and constants."""
        start, *x = row.tolist()
        deviation = self.regression.predict_one(self._named(x))
        deviation = min(max(deviation, -_MAX_DEVIATION), _MAX_DEVIATION) if isfinite(deviation) else 0.0
        return Estimate(start + deviation, _LOG_EXCESS, _SCALE, _SPREAD)

    def learn(self, row: Floats, estimate: Estimate, log_volatility: float, log_return: float) -> None:  # noqa: ARG002  # the contract's
        """Teach the regression what the start left open."""
        start, *x = row.tolist()
        self.regression.learn_one(self._named(x), log_volatility - start)

    def learn_profile(self, minute: int, deviation: float) -> None:
        """Teach the diurnal profiles, which serve to deseasonalize."""
        self.design.learn(minute, deviation)

    def seasonal_effect(self, minute: int) -> float:
        """Return the effect of the time of New York's day, separately for weekends."""
        return self.design.seasonal_effect(minute)

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        """Return no coefficients, since such a model starts without a prior, and the profiles."""
        return {}, self.design.learned()

    def dump(self) -> dict[str, Any]:
        """Return the state of each part."""
        return {"design": self.design.dump(), "regression": self.regression.dump()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.design.load(state["design"])
        self.regression.load(state["regression"])

    def _named(self, x: list[float]) -> dict[Any, Any]:
        return dict(zip(self.inputs.names, x, strict=True))


def _log_volatility(variance_per_minute: float, design: Design) -> float:
    """Return the log volatility over the horizon."""
    return 0.5 * log(max(variance_per_minute, VARIANCE_FLOOR) * design.horizon_minutes)
