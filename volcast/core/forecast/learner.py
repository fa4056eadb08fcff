"""The forecasts of one horizon: a model, its calibration and its intervals, all learned online from resolved forecasts.

    E[RV²]        = the model's · c                      c: mean of RV² / the model's E[RV²], half-life 60 days
    log RV        quantiles m + scale · q                q: tracked quantiles of (log RV - m) / scale; m: the model's log median
    log return    between exp(m) · spread · q'           q': tracked quantiles of r / (exp(m) · spread)

RV is the square root of the sum of the horizon's squared one-minute log returns, r the sum of these returns. A forecast is
resolved once, a horizon later. Regressions and quantiles learn only from one minute in `sample_minutes`, whose rows are kept
until then; rows in between would carry nearly the same information.
"""

from math import exp, log
from typing import Any, NamedTuple

import numpy as np

from volcast.core.market.clock import DAY_MINUTES
from volcast.core.market.features import VARIANCE_FLOOR
from volcast.core.market.state import Market
from volcast.core.models.contract import Estimate, Learned, Model
from volcast.core.models.sampling import sample_minutes

from .pending import PendingNumbers, PendingRows
from .quantiles import QuantileTracker, laplace_quantile

MAX_VARIANCE_PER_MINUTE = 1e4
"""Upper bound of a forecast. No two prices give a larger squared return: (log 10^27)² < 3866."""
FLAT_VARIANCE = 1e-12
"""In a horizon with no more realized variance than this no trade has moved the price; nothing is learned from it."""
_MAX_LOG_EXCESS = 8.0
_MAX_RETURN = 62.0
"""Just below log 10^27, the ratio of the largest price to the smallest."""
_CALIBRATION_HALF_LIFE_DAYS = 60.0
_CALIBRATION_PRIOR_MINUTES = 14_400.0
_MAX_CALIBRATION_RATIO = 50.0
_VOLATILITY_RATE, _RETURN_RATE = 0.015, 0.005
"""Step sizes of the tracked quantiles."""
_ESTIMATE = len(Estimate._fields)


class Prediction(NamedTuple):
    """The calibrated forecast of the horizon after a candle."""

    variance: float
    """E[RV²]."""
    median: float
    """The median of RV."""
    lower: float
    upper: float
    """With `lower` the interval of RV, at the learner's level."""
    return_lower: float
    return_upper: float
    """With `return_lower` the interval of the horizon's log return, at the same level."""


class ResolvedForecast(NamedTuple):
    """A prediction, the baseline's forecast of the same minute, and what came true."""

    prediction: Prediction
    variance_ewma: float
    """The baseline's forecast of the realized variance, made at the same minute."""
    realized_variance: float
    """Sum of the horizon's squared one-minute log returns."""
    log_return: float
    """Log return over the horizon."""


class _Context(NamedTuple):
    """What is stored with a prediction until it is resolved."""

    level: float
    uncalibrated: float
    log_price: float
    variance_ewma: float


_PREDICTION = len(Prediction._fields)


class Learner:
    """Forecasts of one model for one horizon, resolved and learned from a horizon later.

    Args:
        model: A new model of the same horizon.
        horizon_minutes: The horizon.
        level: Probability of the intervals, between 0 and 1.
        prior: Calibration and quantiles to start from; the latter only if they are known at this level.
    """

    def __init__(self, model: Model, horizon_minutes: int = 60, level: float = 0.9, prior: Learned | None = None) -> None:
        self.model = model
        self.horizon_minutes = horizon_minutes
        self.level = level
        self.calibration = 1.0
        """Mean of RV² / the model's E[RV²], by which a forecast is multiplied."""
        self.outcomes = 0
        """Number of forecasts resolved so far."""
        self._sample_minutes = sample_minutes(horizon_minutes)
        low, high = 0.5 - level / 2, 0.5 + level / 2
        self._volatility_quantiles = [QuantileTracker(p, _VOLATILITY_RATE, laplace_quantile(p)) for p in (low, 0.5, high)]
        self._return_quantiles = [QuantileTracker(p, _RETURN_RATE, laplace_quantile(p)) for p in (low, high)]
        self._forecasts = PendingNumbers(horizon_minutes, _PREDICTION + len(_Context._fields))
        self._samples = PendingRows(
            horizon_minutes // self._sample_minutes + 1, len(model.names) + _ESTIMATE, self._sample_minutes
        )
        self._lowest = log(horizon_minutes * VARIANCE_FLOOR) / 2
        self._highest = log(horizon_minutes * MAX_VARIANCE_PER_MINUTE) / 2
        self._gain = 1.0 - 0.5 ** (1.0 / (_CALIBRATION_HALF_LIFE_DAYS * DAY_MINUTES))
        if prior is not None:
            self.calibration = prior.calibration
            values = prior.quantiles.get(f"{level:g}", self._quantiles())
            self._set_quantiles(values)

    def resolve(self, market: Market) -> ResolvedForecast | None:
        """Return the forecast that has come due with the market's last candle, after learning from it; None if there is none."""
        made_minute = market.minute - self.horizon_minutes
        numbers = self._forecasts.at(made_minute)
        if numbers is None:
            return None
        context = _Context(*numbers[_PREDICTION:])
        realized_variance = market.indicators.realized_variance(self.horizon_minutes)
        log_return = market.log_price - context.log_price
        self.outcomes += 1
        if realized_variance > FLAT_VARIANCE:
            self._learn(made_minute, log(realized_variance) / 2, log_return, context)
        return ResolvedForecast(Prediction(*numbers[:_PREDICTION]), context.variance_ewma, realized_variance, log_return)

    def _learn(self, made_minute: int, log_volatility: float, log_return: float, context: _Context) -> None:
        self.model.learn_profile(made_minute, log_volatility - 0.5 * log(self.horizon_minutes) - context.level)
        gain = max(self._gain, 1.0 / (_CALIBRATION_PRIOR_MINUTES + self.outcomes))
        ratio = min(exp(2 * log_volatility) / context.uncalibrated, _MAX_CALIBRATION_RATIO)
        self.calibration += gain * (ratio - self.calibration)
        sample = self._samples.at(made_minute)
        if sample is None:
            return
        estimate = Estimate(*sample[-_ESTIMATE:].tolist())
        self.model.learn(sample[:-_ESTIMATE], estimate, log_volatility, log_return)
        for tracker in self._volatility_quantiles:
            tracker.learn((log_volatility - estimate.log_median) / estimate.scale)
        for tracker in self._return_quantiles:
            tracker.learn(log_return / (estimate.spread * exp(estimate.log_median)))

    def predict(self, market: Market) -> Prediction:
        """Return the forecast of the horizon after the market's last candle, and keep it until it is resolved."""
        row = self.model.row(market)
        estimate = self._bounded(self.model.estimate(row))
        uncalibrated = exp(2 * estimate.log_median + estimate.log_excess)
        expected_move = exp(estimate.log_median) * estimate.spread
        lower, median, upper = (estimate.log_median + estimate.scale * tracker.value for tracker in self._volatility_quantiles)
        median = min(max(median, self._lowest), self._highest)
        prediction = Prediction(
            uncalibrated * self.calibration,
            exp(median),
            exp(min(max(lower, self._lowest), median)),
            exp(max(min(upper, self._highest), median)),
            min(max(expected_move * self._return_quantiles[0].value, -_MAX_RETURN), 0.0),
            max(min(expected_move * self._return_quantiles[1].value, _MAX_RETURN), 0.0),
        )
        context = _Context(market.state.level, uncalibrated, market.log_price, market.ewma * self.horizon_minutes)
        self._forecasts.put(market.minute, (*prediction, *context))
        if market.minute % self._sample_minutes == self._sample_minutes - 1:
            self._samples.put(market.minute, np.concatenate((row, estimate)))
        return prediction

    def seasonal_effect(self, minute: int) -> float:
        """Return what the time adds to the log volatility over the horizon after `minute` (UTC); on average about 0."""
        return self.model.seasonal_effect(minute)

    def drop_pending(self) -> None:
        """Discard the pending forecasts after a gap: outcomes of horizons that contain it are never known."""
        self._forecasts.clear()
        self._samples.clear()

    def _bounded(self, estimate: Estimate) -> Estimate:
        log_median = min(max(estimate.log_median, self._lowest), self._highest)
        log_excess = min(max(estimate.log_excess, -_MAX_LOG_EXCESS), _MAX_LOG_EXCESS)
        return Estimate(log_median, log_excess, estimate.scale, estimate.spread)

    def learned(self) -> Learned:
        """Return what the learner of another symbol may start from."""
        coefficients, profiles = self.model.learned()
        return Learned(coefficients, profiles, self.calibration, {f"{self.level:g}": self._quantiles()})

    def _quantiles(self) -> list[float]:
        return [tracker.value for tracker in (*self._volatility_quantiles, *self._return_quantiles)]

    def _set_quantiles(self, values: list[float]) -> None:
        for tracker, value in zip((*self._volatility_quantiles, *self._return_quantiles), values, strict=True):
            tracker.value = float(value)

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays."""
        return {
            "model": self.model.dump(),
            "calibration": self.calibration,
            "answered": self.outcomes,
            "quantiles": self._quantiles(),
            "forecasts": self._forecasts.dump(),
            "samples": self._samples.dump(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.model.load(state["model"])
        self.calibration = float(state["calibration"])
        self.outcomes = int(state["answered"])
        self._set_quantiles(state["quantiles"])
        self._forecasts.load(state["forecasts"])
        self._samples.load(state["samples"])
