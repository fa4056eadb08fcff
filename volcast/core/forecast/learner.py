"""One horizon's forecasts, and what comes of them: a model, a calibration and intervals, learned from answers as they come in.

    E[RV²]        = the model's · c                 c: how much more came than the model had said, over two months
    log RV        between log median + scale · q    q: tracked quantiles of (log RV - log median) / scale
    log return    between median · spread · q'      q': tracked quantiles of r / (median · spread)

RV is the root of the sum of the horizon's squared one-minute log returns, r their sum. A forecast is answered once, a horizon
later. Every so many minutes a row is kept to learn from; between them the rows would tell nearly the same.
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
"""Above what any two prices can make: (log 10^27)² < 3866."""
FLAT_VARIANCE = 1e-12
"""A horizon with less realized variance had no trade that moved the price: nothing is learned from it."""
_MAX_LOG_EXCESS = 8.0
_MAX_RETURN = 62.0
"""log 10^27, the span of all prices that there are."""
_CALIBRATION_HALF_LIFE_DAYS = 60.0
_CALIBRATION_PRIOR_MINUTES = 14_400.0
_MAX_CALIBRATION_RATIO = 50.0
_VOLATILITY_RATE, _PRICE_RATE = 0.015, 0.005
_ESTIMATE = len(Estimate._fields)


class Prediction(NamedTuple):
    """About the horizon after a candle."""

    variance: float
    """E[RV²]."""
    median: float
    """Of RV."""
    lower: float
    upper: float
    """Between them lies RV, with the level's probability."""
    return_lower: float
    return_upper: float
    """Between them lies the horizon's log return."""


class ResolvedForecast(NamedTuple):
    """What became of a prediction."""

    prediction: Prediction
    variance_ewma: float
    """What the baseline had said at the same time."""
    realized_variance: float
    log_return: float


class _Beside(NamedTuple):
    """What is kept with a prediction until its answer."""

    level: float
    uncalibrated: float
    log_price: float
    variance_ewma: float


_PREDICTION = len(Prediction._fields)


class Learner:
    """One model's, for one horizon. `level` is the intervals' probability."""

    def __init__(self, model: Model, horizon_minutes: int = 60, level: float = 0.9, prior: Learned | None = None) -> None:
        self.model = model
        self.horizon_minutes = horizon_minutes
        self.level = level
        self.calibration = 1.0
        self.answered = 0
        self._sample_minutes = sample_minutes(horizon_minutes)
        tails = (0.5 - level / 2, 0.5 + level / 2)
        self._errors = [QuantileTracker(tail, _VOLATILITY_RATE, laplace_quantile(tail)) for tail in tails]
        self._moves = [QuantileTracker(tail, _PRICE_RATE, laplace_quantile(tail)) for tail in tails]
        self._forecasts = PendingNumbers(horizon_minutes, _PREDICTION + len(_Beside._fields))
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

    def answer(self, market: Market) -> ResolvedForecast | None:
        """The market's last candle has closed: learn from what it answers. None where nothing falls due with it."""
        made = market.minute - self.horizon_minutes
        numbers = self._forecasts.at(made)
        if numbers is None:
            return None
        beside = _Beside(*numbers[_PREDICTION:])
        realized_variance = market.windows.realized_variance(self.horizon_minutes)
        log_return = market.log_price - beside.log_price
        self.answered += 1
        if realized_variance > FLAT_VARIANCE:
            self._learn(made, log(realized_variance) / 2, log_return, beside)
        return ResolvedForecast(Prediction(*numbers[:_PREDICTION]), beside.variance_ewma, realized_variance, log_return)

    def _learn(self, made: int, log_volatility: float, log_return: float, beside: _Beside) -> None:
        self.model.notice(made, log_volatility - 0.5 * log(self.horizon_minutes) - beside.level)
        gain = max(self._gain, 1.0 / (_CALIBRATION_PRIOR_MINUTES + self.answered))
        ratio = min(exp(2 * log_volatility) / beside.uncalibrated, _MAX_CALIBRATION_RATIO)
        self.calibration += gain * (ratio - self.calibration)
        sample = self._samples.at(made)
        if sample is None:
            return
        estimate = Estimate(*sample[-_ESTIMATE:].tolist())
        self.model.learn(sample[:-_ESTIMATE], estimate, log_volatility, log_return)
        for tracker in self._errors:
            tracker.learn((log_volatility - estimate.log_median) / estimate.scale)
        for tracker in self._moves:
            tracker.learn(log_return / (estimate.spread * exp(estimate.log_median)))

    def predict(self, market: Market) -> Prediction:
        """The horizon after the market's last candle; remembered until its answer is there."""
        row = self.model.row(market)
        estimate = self._bounded(self.model.estimate(row))
        log_median = estimate.log_median
        median = exp(log_median)
        uncalibrated = exp(2 * log_median + estimate.log_excess)
        move = median * estimate.spread
        lower, upper = (log_median + estimate.scale * tracker.value for tracker in self._errors)
        prediction = Prediction(
            uncalibrated * self.calibration,
            median,
            exp(min(max(lower, self._lowest), log_median)),
            exp(max(min(upper, self._highest), log_median)),
            min(max(move * self._moves[0].value, -_MAX_RETURN), 0.0),
            max(min(move * self._moves[1].value, _MAX_RETURN), 0.0),
        )
        beside = _Beside(market.state.level, uncalibrated, market.log_price, market.ewma * self.horizon_minutes)
        self._forecasts.put(market.minute, (*prediction, *beside))
        if market.minute % self._sample_minutes == self._sample_minutes - 1:
            self._samples.put(market.minute, np.concatenate((row, estimate)))
        return prediction

    def usual(self, minute: int) -> float:
        """What the time adds to the log volatility over the horizon after `minute`; about 0 on average."""
        return self.model.usual(minute)

    def forget_pending(self) -> None:
        """Minutes are missing: the horizons that contain them will never be known."""
        self._forecasts.clear()
        self._samples.clear()

    def _bounded(self, estimate: Estimate) -> Estimate:
        log_median = min(max(estimate.log_median, self._lowest), self._highest)
        log_excess = min(max(estimate.log_excess, -_MAX_LOG_EXCESS), _MAX_LOG_EXCESS)
        return Estimate(log_median, log_excess, estimate.scale, estimate.spread)

    def learned(self) -> Learned:
        """What another symbol may start from."""
        coefficients, profiles = self.model.learned()
        return Learned(coefficients, profiles, self.calibration, {f"{self.level:g}": self._quantiles()})

    def _quantiles(self) -> list[float]:
        return [tracker.value for tracker in (*self._errors, *self._moves)]

    def _set_quantiles(self, values: list[float]) -> None:
        for tracker, value in zip((*self._errors, *self._moves), values, strict=True):
            tracker.value = float(value)

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays."""
        return {
            "model": self.model.dump(),
            "calibration": self.calibration,
            "answered": self.answered,
            "quantiles": self._quantiles(),
            "forecasts": self._forecasts.dump(),
            "samples": self._samples.dump(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.model.load(state["model"])
        self.calibration = float(state["calibration"])
        self.answered = int(state["answered"])
        self._set_quantiles(state["quantiles"])
        self._forecasts.load(state["forecasts"])
        self._samples.load(state["samples"])
