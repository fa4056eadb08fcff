"""The baseline: an exponentially weighted mean of squared returns, as RiskMetrics has it."""

from typing import Any

from river import base

from volcast.core.features import PRIOR_VARIANCE, bounded
from volcast.core.types import HORIZON_MINUTES


class Ewma(base.Regressor):
    """Forecasts that the next hour will be as the recent past: 60 × the EWMA variance per minute. It has nothing to learn.

    References: J.P. Morgan/Reuters, RiskMetrics Technical Document (1996), section 5.2.

    >>> Ewma().predict_one({"variance_ewma": 2.0**-20}) == 60 * 2.0**-20
    True
    """

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        """Nothing to learn: the state is in the feature."""

    def predict_one(self, x: dict[Any, Any]) -> float:
        """The variance expected over the horizon."""
        return HORIZON_MINUTES * bounded(float(x.get("variance_ewma", PRIOR_VARIANCE)))

    def dump(self) -> dict[str, Any]:
        """Its state: none."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on."""
