"""The job of all programs: from a candle's close the rolling mean and the signal, and with a model a forecast and drift alarms.

It needs River alone, and that only with a model, so that it runs in each peer's own environment.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Any

WINDOW = 5
BASIS_POINTS = 10_000
MODELS = ("none", "stored", "memory")


@dataclass(frozen=True, slots=True)
class Options:
    """What a program is told by its command line."""

    bootstrap: str
    candles: str
    """The topic to read. It has one partition."""
    signals: str
    """The topic to write."""
    group: str
    folder: Path
    """For files of its own."""
    model: str
    """`none`: rolling mean and signal alone. `stored`: with River's model, whose state outlives the process as the results do.
    `memory`: the same, but a restart begins with a new model: results are no longer those of an undisturbed run.
    """
    commit_s: float
    """The commit interval of a program that has one."""

    @property
    def has_model(self) -> bool:
        return self.model != "none"

    @property
    def stores_model(self) -> bool:
        return self.model == "stored"

    def arguments(self) -> list[str]:
        """Return the command line that `read_options` reads."""
        named = ("bootstrap", "candles", "signals", "group", "folder", "model", "commit_s")
        return [word for name in named for word in (f"--{name.replace('_', '-')}", str(getattr(self, name)))]


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Return the options of a command line, that of this process without one."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "candles", "signals", "group"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--commit-s", type=float, required=True)
    return Options(**vars(parser.parse_args(arguments)))


def push(closes: list[float], close: float) -> tuple[float | None, int]:
    """Add a close to the last ones; return their mean, None while there are fewer than WINDOW, and whether the close is above.

    >>> closes = [1.0, 2.0, 3.0, 4.0]
    >>> push(closes, 5.0), closes
    ((3.0, 1), [1.0, 2.0, 3.0, 4.0, 5.0])
    >>> push(closes, 1.0), closes
    ((3.0, 0), [2.0, 3.0, 4.0, 5.0, 1.0])
    """
    closes.append(close)
    if len(closes) > WINDOW:
        del closes[0]
    if len(closes) < WINDOW:
        return None, 0
    mean = fsum(closes) / WINDOW  # `sum` of floats has changed in Python 3.12
    return mean, int(close > mean)


class Model:
    """River's standardized linear regression of the next absolute return, in basis points, and ADWIN on its absolute error."""

    def __init__(self) -> None:
        from river import drift, linear_model, preprocessing  # noqa: PLC0415  # not needed without a model

        self.regression: Any = preprocessing.StandardScaler() | linear_model.LinearRegression()
        self.detector: Any = drift.ADWIN()
        self.alarms = 0
        self._features: dict[str, float] = {}
        self._forecast = 0.0
        self._close = 0.0

    def step(self, open_: float, high: float, low: float, close: float) -> tuple[float, int]:
        """Learn from this candle, then return the forecast for the next one, and the number of drift alarms so far."""
        previous = self._close or open_
        change = (close / previous - 1) * BASIS_POINTS
        features = self._features
        if features:
            size = abs(change)
            self.detector.update(abs(size - self._forecast))
            self.alarms += self.detector.drift_detected
            self.regression.learn_one(features, size)
        self._features = {
            "change": change,
            "size": abs(change),
            "before": features.get("size", 0.0),
            "body": (close / open_ - 1) * BASIS_POINTS,
            "range": (high / low - 1) * BASIS_POINTS,
            "place": (close - low) / (high - low) if high > low else 0.5,
        }
        self._close = close
        self._forecast = float(self.regression.predict_one(self._features))
        return self._forecast, self.alarms
