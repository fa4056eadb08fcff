"""Observations for the tests of drift detectors: a sound forecast of a calm market, made without an engine."""

from collections.abc import Iterator
from math import exp, log, sqrt

import numpy as np
from msgspec.structs import replace
from scipy.special import ndtri  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.core.drift.observation import HourEnd, Observation
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS, Quantiles
from volcast.core.forecast.learner import Prediction, ResolvedForecast
from volcast.core.market.features import FEATURE_NAMES

LOG_VARIANCE = log(60 * 1e-7)
SPREAD = 0.25
"""Of log realized volatility around its median."""
SCORES: list[float] = ndtri(QUANTILE_LEVELS).tolist()
FIRST_MINUTE = 28_401_120


def sound(minutes: int, seed: int = 1) -> Iterator[Observation]:
    """Yield minutes of a market of constant volatility whose forecast is right, and wanders a little."""
    rng = np.random.default_rng(seed)
    price, wander, made, hour_volume = 100.0, 0.0, dict[int, float](), 0.0
    for minute in range(FIRST_MINUTE, FIRST_MINUTE + minutes):
        move, noise, tail = rng.normal(size=3)
        before, price = price, price * exp(sqrt(1e-7) * move)
        wander = 0.99 * wander + 0.01 * float(noise)
        forecast = made[minute] = LOG_VARIANCE + wander
        due = made.pop(minute - 60, None)
        realized, baseline = LOG_VARIANCE + 2 * SPREAD * float(tail) - 0.2, LOG_VARIANCE + float(rng.normal())
        outcome = None
        if due is not None:
            hourly = float(rng.normal()) * exp(LOG_VARIANCE / 2)
            outcome = ResolvedForecast(prediction(due), exp(baseline), exp(realized), hourly)
        volume = 1_000.0 * exp(0.3 * float(rng.normal()))
        hour_volume = volume if minute % 60 == 0 else hour_volume + volume
        seen = Observation(
            minute=minute,
            horizon_minutes=60,
            flat=False,
            repeated=False,
            moved=True,
            relative_range=abs(price - before) / price + 1e-4,
            volume=volume,
            warm=minute > FIRST_MINUTE + 1_440,
            suspect=False,
            missing_share=0.0,
            log_variance=forecast,
            log_reference=LOG_VARIANCE + 0.3 * float(rng.normal()),
            release_weight=0.0,
            prediction=prediction(forecast),
            outcome=outcome,
            hour_end=None,
        )
        if minute % 60 == 59:
            features = rng.normal(size=len(FEATURE_NAMES)).tolist()
            seen = replace(seen, hour_end=HourEnd(hour_volume, features, quantiles(forecast)))
        yield seen


def prediction(log_variance: float, width: float = 1.0) -> Prediction:
    """Return a forecast whose intervals of 90 % are as wide as they should be, times `width`."""
    size, median, z = exp(log_variance / 2), exp(log_variance / 2 - 0.1), 1.645 * width
    return Prediction(exp(log_variance), median, median * exp(-SPREAD * z), median * exp(SPREAD * z), -z * size, z * size)


def quantiles(log_variance: float, volatility_width: float = 1.0, return_width: float = 1.0) -> Quantiles:
    """Return the quantiles of a forecast, as wide as they should be, times a width."""
    returns = tuple(exp(log_variance / 2) * z * return_width for z in SCORES)
    volatilities = tuple(exp(log_variance / 2 - 0.1 + SPREAD * z * volatility_width) for z in SCORES)
    return Quantiles(QUANTILE_LEVELS, returns, returns, returns, volatilities)


def widened(seen: Observation, volatility_width: float = 1.0, return_width: float = 1.0) -> Observation:
    """Return the observation with distributions of another width."""
    if seen.hour_end is None:
        return seen
    found = quantiles(seen.log_variance, volatility_width, return_width)
    return replace(seen, hour_end=seen.hour_end._replace(quantiles=found))


def scaled(seen: Observation, log_factor: float, at_minute: int) -> Observation:
    """Return the observation with forecasts that are multiplied from `at_minute` on; their outcomes alike."""
    if seen.minute < at_minute:
        return seen
    outcome, hour_end, log_variance = seen.outcome, seen.hour_end, seen.log_variance + log_factor
    if outcome is not None and seen.minute - 60 >= at_minute:
        outcome = outcome_scaled(outcome, log_factor)
    if hour_end is not None:
        hour_end = hour_end._replace(quantiles=quantiles(log_variance))
    return replace(seen, log_variance=log_variance, prediction=prediction(log_variance), outcome=outcome, hour_end=hour_end)


def outcome_scaled(outcome: ResolvedForecast, log_factor: float) -> ResolvedForecast:
    """Return an outcome of a forecast that was multiplied."""
    return outcome._replace(prediction=prediction(log(outcome.prediction.variance) + log_factor))
