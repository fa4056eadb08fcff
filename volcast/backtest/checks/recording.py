"""Runs candles through an engine and keeps the numbers that the checks compare, by subject: the signal, and each model."""

from collections.abc import Callable, Iterable, Iterator
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from volcast.backtest.run import BacktestReplay
from volcast.core.arrays import Floats
from volcast.core.codec import CandleText
from volcast.core.engine import Engine
from volcast.core.forecast.learner import Prediction
from volcast.core.types import Signal

SIGNAL = "signal and rolling mean"
_SIGNAL_NUMBERS = ("signal", "rolling mean")

NewReplay = Callable[[], tuple[Engine, BacktestReplay]]
"""Makes an engine that has seen nothing, and its replay."""


def number_names(subject: str) -> tuple[str, ...]:
    """Return the names of the numbers of a subject."""
    return _SIGNAL_NUMBERS if subject == SIGNAL else Prediction._fields


def numbers_of(engine: Engine, signal: Signal) -> dict[str, tuple[float, ...]]:
    """Return by subject the numbers after the engine's last candle, whose signal this is.

    The signal is a subject, and so is each model; a horizon after the first stands behind its name.
    """
    made, main = engine.forecaster.last_predictions, signal.horizon_minutes
    model = engine.config.model
    horizons = {model if horizon == main else f"{model}, {horizon} minutes": each for horizon, each in made.horizons.items()}
    mean = nan if signal.rolling_mean is None else signal.rolling_mean
    return {SIGNAL: (float(signal.signal), mean), **horizons, **made.shadows}


def numbers_by_candle(new_replay: NewReplay, rows: Iterable[CandleText]) -> Iterator[tuple[int, dict[str, tuple[float, ...]]]]:
    """Run the rows through a new engine. Yield for each candle that it accepts its open time in milliseconds, and the numbers."""
    engine, replay = new_replay()
    for signal in replay.signals(rows):
        yield signal.open_time_ms, numbers_of(engine, signal)


class Recording:
    """All numbers of one run, candle by candle; those after `until_ms` may be missing."""

    def __init__(self, new_replay: NewReplay, rows: Iterable[CandleText], until_ms: float = inf) -> None:
        times: list[int] = []
        numbers: dict[str, list[tuple[float, ...]]] = {}
        for open_time_ms, made in numbers_by_candle(new_replay, rows):
            if open_time_ms > until_ms:
                break
            times.append(open_time_ms)
            for subject, values in made.items():
                numbers.setdefault(subject, []).append(values)
        self.open_time_ms: NDArray[np.int64] = np.array(times, np.int64)
        """(n,) of the accepted candles."""
        self.numbers: dict[str, Floats] = {subject: np.array(values) for subject, values in numbers.items()}
        """By subject an array (n, numbers); NaN where there is none yet."""


def relative_difference(one: Floats, other: Floats) -> Floats:
    """Return |a - b| / max(|a|, |b|), element by element: 0 where both are equal or both NaN, 1 where only one is NaN.

    >>> relative_difference(np.array([1.0, 0.0, nan, nan]), np.array([2.0, 0.0, nan, 3.0])).tolist()
    [0.5, 0.0, 0.0, 1.0]
    """
    size = np.maximum(np.abs(one), np.abs(other))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(one == other, 0.0, np.abs(one - other) / size)
    neither, either = np.isnan(one) & np.isnan(other), np.isnan(one) | np.isnan(other)
    return np.where(neither, 0.0, np.where(either, 1.0, found))
