"""The champion: a recursive regression of log RV, and three recursive gamma regressions of what it leaves open.

    log RV = level + w·x + u                         median: recursive least squares on the design's row x
    E[RV²] = median² · exp(1/4 + v·z)                v: gamma regression on a part z of x; its loss is QLIKE
    E|u|   = scale by z                              gamma regression
    E|r|   = median · spread by z                    the same

Settings were chosen on 2022 to 2024 of BTCUSDT; `docs/forecast.md` tells how, and what was tried and lost.
"""

from collections.abc import Mapping
from math import exp, log
from typing import Any

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.estimators.gamma_regression import GammaRegression
from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares
from volcast.core.market.features import PRIOR_VARIANCE
from volcast.core.market.state import Market

from .contract import Estimate, Learned
from .design import DESIGN_NAMES, SMALL, SMALL_NAMES, Design
from .sampling import samples_per_day

_MEAN_OVER_MEDIAN = 0.25
_TYPICAL_ERROR = 0.27
_TYPICAL_MOVE = 0.75
"""E|r| / median of RV."""
_CENTER_RIDGE, _PRIOR_RIDGE, _PART_RIDGE = 20.0, 100.0, 100.0
"""Samples that what is assumed of a coefficient weighs: of the median's, assumed 0 or by a prior; of the others."""
_CENTER_HALF_LIFE_DAYS, _PART_HALF_LIFE_DAYS = 120.0, 180.0
_SMALL = np.array(SMALL)
_LEVEL = DESIGN_NAMES.index("level")


class TwoStage:
    """See the head of this file. `prior`: what was learned elsewhere."""

    names = DESIGN_NAMES

    def __init__(self, horizon_minutes: int = 60, prior: Learned | None = None) -> None:
        self.design = Design(horizon_minutes)
        self._offset = 0.5 * log(horizon_minutes * PRIOR_VARIANCE)
        per_day = samples_per_day(horizon_minutes)
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
        """The design's row, (83,)."""
        return self.design.row(market.minute, market.state)

    def estimate(self, row: Floats) -> Estimate:
        """By the regressions as they are now."""
        z = row[_SMALL]
        return Estimate(
            self._level(row) + self.center.predict_array(row),
            _MEAN_OVER_MEDIAN + self.mean.log_ratio(z),
            _TYPICAL_ERROR * exp(self.scale.log_ratio(z)),
            _TYPICAL_MOVE * exp(self.spread.log_ratio(z)),
        )

    def learn(self, row: Floats, made: Estimate, log_volatility: float, log_return: float) -> None:
        """All four learn; the errors are those of the forecast as it was made."""
        z = row[_SMALL]
        error = log_volatility - made.log_median
        self.center.learn_array(row, log_volatility - self._level(row))
        self.mean.learn_array(z, exp(2 * error - _MEAN_OVER_MEDIAN))
        self.scale.learn_array(z, abs(error) / _TYPICAL_ERROR)
        self.spread.learn_array(z, abs(log_return) * exp(-made.log_median) / _TYPICAL_MOVE)

    def notice(self, minute: int, departure: float) -> None:
        """The clocks' profiles learn."""
        self.design.learn(minute, departure)

    def usual(self, minute: int) -> float:
        """By New York's day, weekends apart."""
        return self.design.usual(minute)

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        """By part, by feature; the clocks."""
        coefficients = {
            name: dict(zip(part.features, part.coefficients.tolist(), strict=True)) for name, part in self._parts.items()
        }
        return coefficients, self.design.learned()

    def dump(self) -> dict[str, Any]:
        """Its state, by part."""
        return {"design": self.design.dump(), **{name: part.dump() for name, part in self._parts.items()}}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.design.load(state["design"])
        for name, part in self._parts.items():
            part.load(state[name])

    def _level(self, row: Floats) -> float:
        """Of the horizon: its log volatility, if the day before went on."""
        return float(row[_LEVEL]) + self._offset
