"""The champion: a recursive regression of log RV, and three recursive gamma regressions of its mean, error and return.

    log RV = level + w·x + u                 stage 1, the median: recursive least squares on the design's row x
    E[RV²] = median² · exp(1/4 + a·z)        stage 2: gamma regression on a subset z of x; its loss is QLIKE
    E|u|   = 0.27 · exp(b·z)                 stage 2, the scale of the error
    E|r|   = median · 0.75 · exp(d·z)        stage 2, the spread of the return

The settings were chosen on BTCUSDT of 2022 to 2024; `docs/forecast.md` describes how, and which alternatives were no better.

Not compiled: users write models of their own as subclasses of this one.
"""

from collections.abc import Mapping
from math import exp, log
from typing import Any, Final

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.estimators.gamma_regression import GammaRegression
from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares
from volcast.core.market.features import PRIOR_VARIANCE
from volcast.core.market.state import Market

from .contract import Estimate, Learned
from .design import DESIGN_NAMES, SMALL, SMALL_NAMES, Design
from .sampling import samples_per_day

_LOG_EXCESS: Final = 0.25
"""log(E[RV²] / median²) of a new model."""
_TYPICAL_ERROR: Final = 0.27
"""E|u| of a new model."""
_TYPICAL_RETURN: Final = 0.75
"""E|r| / median of a new model."""
_CENTER_RIDGE, _PRIOR_RIDGE, _PART_RIDGE = 20.0, 100.0, 100.0
"""Weights of the coefficients' prior in samples: stage 1 without and with a learned prior; stage 2."""
_CENTER_HALF_LIFE_DAYS, _PART_HALF_LIFE_DAYS = 120.0, 180.0
_SMALL: Final = np.array(SMALL)
_LEVEL: Final = DESIGN_NAMES.index("level")


class TwoStage:
    """The two-stage model of one horizon; the head of this file gives its equations.

    `prior` holds what was learned elsewhere; coefficients that it lacks start at 0. Raises KeyError or ValueError if its profiles
    are missing or have another shape. It forgets `forgetting` times as fast as the champion.
    """

    names = DESIGN_NAMES

    def __init__(self, horizon_minutes: int = 60, prior: Learned | None = None, forgetting: float = 1.0) -> None:
        self.design = Design(horizon_minutes)
        self._offset = 0.5 * log(horizon_minutes * PRIOR_VARIANCE)
        per_day = samples_per_day(horizon_minutes) / forgetting
        coefficients = prior.coefficients if prior else {}
        self.center = RecursiveLeastSquares(
            DESIGN_NAMES,
            half_life=_CENTER_HALF_LIFE_DAYS * per_day,
            ridge=_PRIOR_RIDGE if prior else _CENTER_RIDGE,
            max_error=2.0,
            prior=coefficients.get("center"),
        )
        self.mean, self.scale, self.spread = (
            GammaRegression(
                SMALL_NAMES,
                half_life=_PART_HALF_LIFE_DAYS * per_day,
                ridge=_PART_RIDGE,
                max_log_ratio=max_log_ratio,
                prior=coefficients.get(name),
            )
            for name, max_log_ratio in (("mean", 3.0), ("scale", 2.0), ("spread", 2.0))
        )
        self._parts: Mapping[str, RecursiveLeastSquares | GammaRegression] = {
            "center": self.center,
            "mean": self.mean,
            "scale": self.scale,
            "spread": self.spread,
        }
        if prior is not None:
            self.design.start_from(prior.profiles)

    def row(self, market: Market) -> Floats:
        """Return the design's row, (83,)."""
        return self.design.row(market.minute, market.state)

    def estimate(self, row: Floats) -> Estimate:
        """Return the estimates of the four regressions."""
        z = row[_SMALL]
        return Estimate(
            self._level(row) + self.center.predict_array(row),
            _LOG_EXCESS + self.mean.log_ratio(z),
            _TYPICAL_ERROR * exp(self.scale.log_ratio(z)),
            _TYPICAL_RETURN * exp(self.spread.log_ratio(z)),
        )

    def learn(self, row: Floats, estimate: Estimate, log_volatility: float, log_return: float) -> None:
        """Teach all four regressions; stage 2 learns from the errors of the estimate as it was made then."""
        z = row[_SMALL]
        error = log_volatility - estimate.log_median
        self.center.learn_array(row, log_volatility - self._level(row))
        self.mean.learn_array(z, exp(2 * error - _LOG_EXCESS))
        self.scale.learn_array(z, abs(error) / _TYPICAL_ERROR)
        self.spread.learn_array(z, abs(log_return) * exp(-estimate.log_median) / _TYPICAL_RETURN)

    def learn_profile(self, minute: int, deviation: float) -> None:
        """Teach the diurnal profiles of the design."""
        self.design.learn(minute, deviation)

    def seasonal_effect(self, minute: int) -> float:
        """Return the effect of the time of New York's day, separately for weekends."""
        return self.design.seasonal_effect(minute)

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        """Return the coefficients by part and feature, and the diurnal profiles."""
        coefficients = {
            name: dict(zip(part.features, part.coefficients.tolist(), strict=True)) for name, part in self._parts.items()
        }
        return coefficients, self.design.learned()

    def dump(self) -> dict[str, Any]:
        """Return the state of each part."""
        return {"design": self.design.dump(), **{name: part.dump() for name, part in self._parts.items()}}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.design.load(state["design"])
        for name, part in self._parts.items():
            part.load(state[name])

    def _level(self, row: Floats) -> float:
        """Return the horizon's log volatility if the volatility of the last day persisted."""
        return float(row[_LEVEL]) + self._offset
