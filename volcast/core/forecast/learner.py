"""The forecasts of one horizon: a model, its calibration and its distribution, all learned online from resolved forecasts.

    E[RV²]        = the model's · c                      c: mean of RV² / the model's E[RV²], half-life 60 days
    quantiles     as `distribution.tracker` says         of log return, highest high, lowest low and RV

RV is the square root of the sum of the horizon's squared one-minute log returns. A forecast is resolved once, a horizon later.
Regressions and quantiles learn only from one minute in `sample_minutes`, whose rows are kept until then; rows in between would
carry nearly the same information.
"""

from collections.abc import Sequence
from math import exp, log
from typing import Any, Final, NamedTuple

import numpy as np

from volcast.core.market.clock import DAY_MINUTES
from volcast.core.market.features import VARIANCE_FLOOR
from volcast.core.market.state import Market
from volcast.core.models.contract import Estimate, Learned, Model
from volcast.core.models.sampling import sample_minutes

from .distribution.extremes import RunningExtremes
from .distribution.quantiles import QUANTILE_LEVELS, Quantiles
from .distribution.tracker import DistributionTracker, Realized, Scale
from .pending import PendingNumbers, PendingRows

WARM_OUTCOMES: Final = 1_440
"""Resolved forecasts from which on a learner counts as warm: a day of minutes."""
MAX_VARIANCE_PER_MINUTE: Final = 1e4
"""Upper bound of a forecast. No two prices give a larger squared return: (log 10^27)² < 3866."""
FLAT_VARIANCE: Final = 1e-12
"""In a horizon with no more realized variance than this no trade has moved the price; nothing is learned from it."""
_MAX_LOG_EXCESS: Final = 8.0
_CALIBRATION_HALF_LIFE_DAYS: Final = 60.0
_CALIBRATION_PRIOR_MINUTES: Final = 14_400.0
_MAX_CALIBRATION_RATIO: Final = 50.0
_SCALE: Final = len(Scale._fields)
_ESTIMATE: Final = len(Estimate._fields) + _SCALE
"""Numbers at the end of a sample, after the model's row: the estimate and the scale."""


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


_PREDICTION: Final = len(Prediction._fields)
_CONTEXT: Final = 4
"""What is stored after a prediction until it is resolved: the level, the forecast before calibration, the log price and the
baseline's forecast."""


class Learner:
    """Forecasts of one model for one horizon, resolved and learned from a horizon later.

    Args:
        model: A new model of the same horizon.
        horizon_minutes: The horizon.
        level: Probability of the intervals, between 0 and 1.
        prior: Calibration and distribution to start from.
        quantile_levels: Levels of the quantiles, ascending, between 0 and 1.
    """

    def __init__(
        self,
        model: Model,
        horizon_minutes: int = 60,
        level: float = 0.9,
        prior: Learned | None = None,
        quantile_levels: Sequence[float] = (),
    ) -> None:
        self.model = model
        self.horizon_minutes = horizon_minutes
        self.level = level
        self.calibration = 1.0
        """Mean of RV² / the model's E[RV²], by which a forecast is multiplied."""
        self.outcomes = 0
        """Number of forecasts resolved so far."""
        self._sample_minutes = sample_minutes(horizon_minutes)
        interval = [round(0.5 - level / 2, 12), 0.5, round(0.5 + level / 2, 12)]
        levels = sorted({*quantile_levels, *interval, *(QUANTILE_LEVELS if quantile_levels else ())})
        self._lower, self._middle, self._upper = (levels.index(each) for each in interval)
        self._levels, self._tracked_levels = tuple(quantile_levels), tuple(levels)
        self._at = None if levels == list(quantile_levels) else [levels.index(each) for each in quantile_levels]
        """Which of the tracked levels are those of the quantiles; None if all are."""
        self._distribution = DistributionTracker(horizon_minutes, levels, prior.shapes if prior else None)
        self._found: Sequence[tuple[float, ...]] = ()
        """The quantiles of the last prediction, at all tracked levels."""
        self._forecasts = PendingNumbers(horizon_minutes, _PREDICTION + _CONTEXT)
        slots = horizon_minutes // self._sample_minutes + 1
        self._samples = PendingRows(slots, len(model.names) + _ESTIMATE, self._sample_minutes)
        self._extremes = RunningExtremes(slots, self._sample_minutes)
        self._lowest = log(horizon_minutes * VARIANCE_FLOOR) / 2
        self._highest = log(horizon_minutes * MAX_VARIANCE_PER_MINUTE) / 2
        self._gain = 1.0 - 0.5 ** (1.0 / (_CALIBRATION_HALF_LIFE_DAYS * DAY_MINUTES))
        if prior is not None:
            self.calibration = prior.calibration

    def resolve(self, market: Market) -> ResolvedForecast | None:
        """Return the forecast that has come due with the market's last candle, after learning from it; None if there is none."""
        self._extremes.push(market.high, market.low)
        made_minute = market.minute - self.horizon_minutes
        numbers = self._forecasts.at(made_minute)
        if numbers is None:
            return None
        level, uncalibrated, log_price, variance_ewma = numbers[_PREDICTION:]
        realized_variance = market.indicators.realized_variance(self.horizon_minutes)
        log_return = market.log_price - log_price
        self.outcomes += 1
        if realized_variance > FLAT_VARIANCE:
            log_volatility = log(realized_variance) / 2
            self.model.learn_profile(made_minute, log_volatility - 0.5 * log(self.horizon_minutes) - level)
            gain = max(self._gain, 1.0 / (_CALIBRATION_PRIOR_MINUTES + self.outcomes))
            ratio = min(exp(2 * log_volatility) / uncalibrated, _MAX_CALIBRATION_RATIO)
            self.calibration += gain * (ratio - self.calibration)
            self._learn_sample(made_minute, log_volatility, log_return, log_price)
        return ResolvedForecast(Prediction(*numbers[:_PREDICTION]), variance_ewma, realized_variance, log_return)

    def _learn_sample(self, made_minute: int, log_volatility: float, log_return: float, log_price: float) -> None:
        sample, extremes = self._samples.at(made_minute), self._extremes.since(made_minute)
        if sample is None or extremes is None:
            return
        numbers = sample[-_ESTIMATE:].tolist()
        estimate, scale = Estimate(*numbers[:-_SCALE]), Scale(*numbers[-_SCALE:])
        self.model.learn(sample[:-_ESTIMATE], estimate, log_volatility, log_return)
        log_high, log_low = (log(price) - log_price for price in extremes)
        self._distribution.learn(made_minute, estimate, scale, Realized(log_volatility, log_return, log_high, log_low))

    def predict(self, market: Market) -> Prediction:
        """Return the forecast of the horizon after the market's last candle, and keep it until it is resolved."""
        row = self.model.row(market)
        estimate = self._bounded(self.model.estimate(row))
        uncalibrated = exp(2 * estimate.log_median + estimate.log_excess)
        scale = self._distribution.scale(market, estimate)
        found = self._found = self._distribution.quantiles(estimate, scale, self._lowest, self._highest)
        log_return, volatility = found[0], found[-1]
        prediction = Prediction(
            uncalibrated * self.calibration,
            volatility[self._middle],
            volatility[self._lower],
            volatility[self._upper],
            min(log_return[self._lower], 0.0),
            max(log_return[self._upper], 0.0),
        )
        context = market.state.level, uncalibrated, market.log_price, market.ewma * self.horizon_minutes
        self._forecasts.put(market.minute, (*prediction, *context))
        if market.minute % self._sample_minutes == self._sample_minutes - 1:
            self._samples.put(market.minute, np.concatenate((row, estimate, scale)))
            self._extremes.start(market.minute)
        return prediction

    @property
    def quantiles(self) -> Quantiles:
        """The quantiles of the last prediction. Raises TypeError before the first one."""
        found = self._found
        if self._at is not None:
            found = [tuple([values[i] for i in self._at]) for values in found]
        return Quantiles(self._levels, *found)

    @property
    def tracked_quantiles(self) -> Quantiles:
        """Those of `quantiles`, with the bounds of the intervals and `QUANTILE_LEVELS`: drift alarms are the same at any levels.

        Raises TypeError before the first prediction.
        """
        return Quantiles(self._tracked_levels, *self._found)

    def seasonal_effect(self, minute: int) -> float:
        """Return what the time adds to the log volatility over the horizon after `minute` (UTC); on average about 0."""
        return self.model.seasonal_effect(minute)

    def drop_pending(self) -> None:
        """Discard the pending forecasts after a gap: outcomes of horizons that contain it are never known."""
        self._forecasts.clear()
        self._samples.clear()
        self._extremes.clear()

    def _bounded(self, estimate: Estimate) -> Estimate:
        if self._lowest <= estimate.log_median <= self._highest and abs(estimate.log_excess) <= _MAX_LOG_EXCESS:
            return estimate
        log_median = min(max(estimate.log_median, self._lowest), self._highest)
        log_excess = min(max(estimate.log_excess, -_MAX_LOG_EXCESS), _MAX_LOG_EXCESS)
        return Estimate(log_median, log_excess, estimate.scale, estimate.spread)

    def learned(self) -> Learned:
        """Return what the learner of another symbol may start from."""
        coefficients, profiles = self.model.learned()
        return Learned(coefficients, profiles, self.calibration, self._distribution.learned())

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays."""
        return {
            "model": self.model.dump(),
            "calibration": self.calibration,
            "answered": self.outcomes,
            "distribution": self._distribution.dump(),
            "forecasts": self._forecasts.dump(),
            "samples": self._samples.dump(),
            "extremes": self._extremes.dump(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.model.load(state["model"])
        self.calibration = float(state["calibration"])
        self.outcomes = int(state["answered"])
        self._distribution.load(state["distribution"])
        self._forecasts.load(state["forecasts"])
        self._samples.load(state["samples"])
        self._extremes.load(state["extremes"])
