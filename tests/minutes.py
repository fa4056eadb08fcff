"""Minutes of simulated markets as plain numbers, the input of a `SymbolForecaster` in tests."""

from collections.abc import Iterable, Iterator, Sequence
from math import exp, isfinite, log
from typing import NamedTuple

import numpy as np

from volcast.core.forecast.forecaster import Predictions, SymbolForecaster
from volcast.core.forecast.learner import Prediction

START = 28_401_120
"""2024-01-01 00:00 UTC, in minutes since 1970."""
DAY = 1_440


MAX_MOVE = 63.0
"""Upper bound of a log return's size: prices lie between 1e-12 and 1e15."""


class Minute(NamedTuple):
    minute: int
    candle: tuple[float, float, float, float, float]
    log_return: float | None


def minutes(count: int, *, seed: int = 1, price: float = 100.0, gaps: Sequence[tuple[int, int]] = ()) -> list[Minute]:
    """Return minutes with heavy-tailed returns whose scale wanders and has a daily pattern, without those in `gaps`."""
    rng = np.random.default_rng(seed)
    wander = np.cumsum(rng.normal(0.0, 0.02, count))
    scale = 5e-4 * np.exp(0.5 * np.sin(np.arange(count) * 2 * np.pi / DAY) + wander - wander.mean())
    returns = (rng.standard_t(4, count) * scale).tolist()
    wicks = np.abs(rng.normal(0.0, 1.0, (count, 2)) * scale[:, np.newaxis]).tolist()
    volumes = (1e5 * np.exp(rng.normal(0.0, 1.0, count))).tolist()
    missing = {minute for first, again in gaps for minute in range(first, again)}
    rows: list[Minute] = []
    last, close_before = log(price), price
    for i, (r, (up, down), volume) in enumerate(zip(returns, wicks, volumes, strict=True)):
        now = last + r
        if i not in missing:
            candle = (exp(last), exp(max(last, now) + up), exp(min(last, now) - down), exp(now), volume)
            follows = bool(rows) and rows[-1].minute == START + i - 1
            rows.append(Minute(START + i, candle, log(candle[3] / close_before) if follows else None))
            close_before = candle[3]
        last = now
    return rows


def constant_price(first: int, count: int, price: float, volume: float = 0.0) -> list[Minute]:
    """Return minutes in which the price does not change."""
    return [Minute(first + i, (price, price, price, price, volume), 0.0) for i in range(count)]


def extreme_market(price: float) -> list[Minute]:
    """Return a day of trade, a crash of 30 % and back, a week of zero volume, an outage of ten hours, and a day of trade."""
    rows = minutes(DAY, price=price)
    last = rows[-1].candle[3]
    now = rows[-1].minute + 1
    rows.append(Minute(now, (last, last, 0.65 * last, 0.7 * last, 1e9), log(0.7)))
    rows.append(Minute(now + 1, (0.7 * last, last, 0.7 * last, last, 1e9), log(1 / 0.7)))
    rows += constant_price(now + 2, 7 * DAY, last)
    after = minutes(DAY, seed=5, price=last)
    shift = now + 2 + 7 * DAY + 600 - START
    return rows + [row._replace(minute=row.minute + shift) for row in after]


def main_predictions(forecaster: SymbolForecaster, rows: Iterable[Minute], every_minutes: int = 1) -> Iterator[Prediction]:
    """Yield the forecast of the first horizon after each minute, or only after the last one of every `every_minutes`."""
    for predictions in all_predictions(forecaster, rows, every_minutes):
        yield next(iter(predictions.horizons.values()))


def all_predictions(forecaster: SymbolForecaster, rows: Iterable[Minute], every_minutes: int = 1) -> Iterator[Predictions]:
    """Yield the forecasts of all horizons and shadows, likewise."""
    for row in rows:
        forecaster.observe(*row)
        if row.minute % every_minutes == every_minutes - 1:
            yield forecaster.forecast()


def is_valid(prediction: Prediction) -> bool:
    """Return whether all numbers are finite, in their range and in order."""
    variance, median, lower, upper, return_lower, return_upper = prediction
    finite = all(isfinite(value) for value in prediction)
    return finite and variance > 0 and 0 < lower <= median <= upper and -MAX_MOVE <= return_lower <= 0 <= return_upper <= MAX_MOVE
