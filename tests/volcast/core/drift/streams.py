"""Observations for the tests of drift detectors: a sound forecast of a calm market, made without an engine."""

from collections.abc import Iterator
from math import exp, log, sqrt

import numpy as np
from msgspec.structs import replace

from volcast.core.drift.observation import HourEnd, Observation, is_hour_end
from volcast.core.market.features import FEATURE_NAMES

LOG_VARIANCE = log(60 * 1e-7)
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
        logs = (LOG_VARIANCE + 0.5 * float(tail) - 0.2, due or 0.0, LOG_VARIANCE + float(rng.normal()))
        outcome = None if due is None else (exp(logs[0]), exp(logs[1]), exp(logs[2]))
        median = exp(forecast / 2 - 0.1)
        volume = 1_000.0 * exp(0.3 * float(rng.normal()))
        hour_volume = volume if minute % 60 == 0 else hour_volume + volume
        yield Observation(
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
            volatility_median=median,
            volatility_lower=median * exp(-0.25 * 1.645),
            volatility_upper=median * exp(0.25 * 1.645),
            log_reference=LOG_VARIANCE + 0.3 * float(rng.normal()),
            release_weight=0.0,
            outcome=outcome,
            hour_end=HourEnd(hour_volume, rng.normal(size=len(FEATURE_NAMES))) if is_hour_end(minute) else None,
        )


def scaled(seen: Observation, log_factor: float, at_minute: int) -> Observation:
    """Return the observation with forecasts that are multiplied from `at_minute` on; their outcomes alike."""
    if seen.minute < at_minute:
        return seen
    outcome = seen.outcome
    if outcome is not None and seen.minute - 60 >= at_minute:
        outcome = (outcome[0], outcome[1] * exp(log_factor), outcome[2])
    scale = exp(log_factor / 2)
    return replace(
        seen,
        log_variance=seen.log_variance + log_factor,
        volatility_median=seen.volatility_median * scale,
        volatility_lower=seen.volatility_lower * scale,
        volatility_upper=seen.volatility_upper * scale,
        outcome=outcome,
    )
