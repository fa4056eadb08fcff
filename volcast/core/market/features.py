"""From candles to the state of a market: log ratios of smoothed volatilities and volumes, alike for every coin and price.

All are causal and cost a fixed time; the state is a matrix of exponentially weighted means. v(s, h) is the log volatility per
minute that series s shows with half-life h minutes:

    rv    squared log returns                         gk    Garman & Klass (1980): from open, high, low and close
    abs   |log return|: robust against jumps          flat  as abs, over the minute's usual |return| by New York's clock
    vol   half the log of the volume

A minute without a return, the first after a gap, moves nothing but the price.
"""

from itertools import pairwise
from math import exp, log, pi, sqrt
from typing import Any, NamedTuple

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.estimators.diurnal_profile import DiurnalProfile

from .clock import new_york_minute
from .ewma import EwmaBank

VARIANCE_FLOOR = 1e-12
"""Per minute; a price that stands still has this variance instead of 0, whose logarithm has no value. (0.0001 %)² a minute."""
PRIOR_VARIANCE = 0.6**2 / 525_600
"""Per minute; what is assumed before anything was seen: 60 % a year."""
HALF_LIVES = (3, 10, 30, 90, 240, 600, 1_440, 4_320, 10_080, 43_200)
"""Minutes: three to a month, about evenly spaced in their logarithm."""
LEVEL_HALF_LIFE = 1_440
_PRIOR_MINUTES = 10.0
_DAY_MINUTES = 1_440
_LONG_MINUTES = 600
_SERIES = ("rv", "gk", "abs", "flat", "vol", "price")
_PAIRS = {
    "rv": tuple(pairwise(HALF_LIVES)),
    "vol": ((3, 30), (30, 240), (240, 1_440), (1_440, 10_080), (10_080, 43_200)),
}
_ROBUST = {"gk": (3, 30, 240, 1_440, 43_200), "abs": (3, 30, 240, 1_440), "flat": (10, 30, 240)}
_SHAPES = {
    "s3": ("rv", 3, 30),
    "s30": ("rv", 30, 600),
    "s600": ("rv", 600, 10_080),
    "s10080": ("rv", 10_080, 43_200),
    "v30": ("vol", 30, 1_440),
}
MAX_LOG_RATIO = 8.0
MAX_TREND = 4.0
_MAX_RHYTHM = 2.0
_PRIOR_LEVEL = 0.5 * log(PRIOR_VARIANCE)
_TYPICAL_RHYTHM = -0.8
"""E[log |r|] lies so far below log E|r|."""


class Feature(NamedTuple):
    """What stands in one place of a vector."""

    name: str
    unit: str
    sentence: str


def _table() -> tuple[Feature, ...]:
    rows = [Feature("one", "1", "Always 1."), Feature("level", "log", "v(rv, 1440) over 60 % a year.")]
    rows += [Feature(f"rv_{a}", "log ratio", f"v(rv, {a}) - v(rv, {b}).") for a, b in _PAIRS["rv"]]
    rows += [Feature(f"{s}_{h}", "log ratio", f"2·(v({s}, {h}) - v(rv, {h})).") for s in _ROBUST for h in _ROBUST[s]]
    rows += [
        Feature(f"vol_{a}", "log ratio", f"2·(v(vol, {a}) - v(vol, {b})): volume against its past.") for a, b in _PAIRS["vol"]
    ]
    trend = "|log price - its mean of half-life {0}| / (exp v(rv, {0})·√{0}): how far the price has left its past."
    rows += [Feature(f"trend_{h}", "standard deviations", trend.format(h)) for h in HALF_LIVES]
    return tuple(rows)


FEATURES = _table()
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)
_GRID = {(s, h): i * len(HALF_LIVES) + j for i, s in enumerate(_SERIES) for j, h in enumerate(HALF_LIVES)}
_RATIOS = (
    [(_GRID["rv", a], _GRID["rv", b], 1.0) for a, b in _PAIRS["rv"]]
    + [(_GRID[s, h], _GRID["rv", h], 2.0) for s in _ROBUST for h in _ROBUST[s]]
    + [(_GRID["vol", a], _GRID["vol", b], 2.0) for a, b in _PAIRS["vol"]]
)
_FIRST_TREND = 2 + len(_RATIOS)
SHAPES = tuple(_SHAPES)
_LOGS = len(_SERIES) - 1
_ABS_TO_SIGMA = sqrt(pi / 2)
_FLOORS = np.repeat([VARIANCE_FLOOR, VARIANCE_FLOOR, 1e-6 / _ABS_TO_SIGMA, 1e-6 / _ABS_TO_SIGMA, 1e-9], len(HALF_LIVES))
_POWERS = np.repeat([0.5, 0.5, 1.0, 1.0, 0.5], len(HALF_LIVES))
_OFFSETS = np.repeat([0.0, 0.0, log(_ABS_TO_SIGMA), log(_ABS_TO_SIGMA), 0.0], len(HALF_LIVES))


def _ratios_of_logs() -> tuple[Floats, Floats]:
    """Level, ratios and shapes as one matrix and one vector: M·log(means) + c."""
    rows = [[(_GRID["rv", LEVEL_HALF_LIFE], 1.0)]]
    rows += [[(top, times), (bottom, -times)] for top, bottom, times in _RATIOS]
    rows += [[(_GRID[s, a], 1.0), (_GRID[s, b], -1.0)] for s, a, b in _SHAPES.values()]
    matrix = np.zeros((len(rows), len(_POWERS)))
    for at, row in enumerate(rows):
        for column, times in row:
            matrix[at, column] = times
    return matrix * _POWERS, matrix @ _OFFSETS


_MATRIX, _CONSTANT = _ratios_of_logs()
_FIRST_SHAPE = 1 + len(_RATIOS)
_ROOT_HALF_LIVES: Floats = np.array(HALF_LIVES, float) ** 0.5
_FIRST_DAY = np.outer([2.0, 2.0, 1.0, 0.0, 1.0, 0.0], np.array(HALF_LIVES) >= _LONG_MINUTES)
"""Powers of the usual |return|: on the first day the long half-lives see what is left when it is divided out, for a few hours
are no day's level."""
_GK_CLOSE = 2 * log(2) - 1


class State(NamedTuple):
    """A market after a minute."""

    vector: Floats
    """(len(NAMES),), in the order of `FEATURE_NAMES`. A fresh array."""
    shapes: Floats
    """(len(SHAPES),), the log ratios whose products are features too."""
    level: float
    """v(rv, 1440): log volatility per minute."""


class Features:
    """Candles in, `State` out; positive and finite from the first candle on."""

    def __init__(self) -> None:
        self.log_price = 0.0
        self.rhythm = DiurnalProfile("minute", half_life=300.0, prior_visits=100.0, weekend=True)
        """log |r| over its level by New York's clock."""
        self.rhythm.start_from([_TYPICAL_RHYTHM] * len(self.rhythm.means))
        self._bank: EwmaBank | None = None

    def push(self, minute: int, candle: tuple[float, float, float, float, float], log_return: float | None) -> None:
        """Take in `candle` (open, high, low, close in one currency, volume in the quote currency) of `minute` (since 1970, UTC).

        `log_return` is that of the close since the minute before; None where that is missing.
        """
        open_, high, low, close, volume = candle
        self.log_price = log(close)
        if self._bank is None:
            self._bank = _bank(self.log_price, volume)
        if log_return is None:
            return
        range_, body = log(high / low), log(close / open_)
        size = abs(log_return)
        local = new_york_minute(minute)
        usual = min(max(self.rhythm.at(local) - _TYPICAL_RHYTHM, -_MAX_RHYTHM), _MAX_RHYTHM)
        garman_klass = max(0.5 * range_ * range_ - _GK_CLOSE * body * body, 0.0)
        x = np.array([log_return * log_return, garman_klass, size, size * exp(-usual), volume, self.log_price])[:, np.newaxis]
        self._bank.push(x if self._bank.minutes >= _DAY_MINUTES else x * np.exp(-usual * _FIRST_DAY))
        level = log(max(float(self._bank.means[2, HALF_LIVES.index(LEVEL_HALF_LIFE)]) * _ABS_TO_SIGMA, 1e-6))
        self.rhythm.learn_at(local, min(max(log(max(size, 1e-6)) - level, -4.0), 4.0))

    def state(self) -> State:
        """As it is now. Raises ValueError before the first candle."""
        if self._bank is None:
            raise ValueError("no candle was pushed yet")
        means = self._bank.means
        clamped = np.maximum(means[:_LOGS].ravel(), _FLOORS)
        v = _MATRIX @ np.log(clamped)
        v += _CONSTANT
        level = float(v[0])
        vector = np.empty(len(FEATURE_NAMES))
        vector[0] = 1.0
        vector[1] = level - _PRIOR_LEVEL
        vector[2:_FIRST_TREND] = v[1:_FIRST_SHAPE]
        ratios = vector[:_FIRST_TREND]
        np.minimum(np.maximum(ratios, -MAX_LOG_RATIO, out=ratios), MAX_LOG_RATIO, out=ratios)
        moves = np.abs(self.log_price - means[_LOGS])
        moves /= np.sqrt(clamped[: len(HALF_LIVES)]) * self._spans()
        np.minimum(moves, MAX_TREND, out=vector[_FIRST_TREND:])
        return State(vector, v[_FIRST_SHAPE:], level)

    def _spans(self) -> Floats:
        """Roots of the half-lives in minutes; of half the age, while a mean is younger than that."""
        if self._bank is None or self._bank.minutes >= 2 * HALF_LIVES[-1]:
            return _ROOT_HALF_LIVES
        return np.asarray(np.minimum(_ROOT_HALF_LIVES, sqrt(0.5 * self._bank.minutes + 1.0)))

    def dump(self) -> dict[str, Any]:
        """Its state: numbers and raw arrays."""
        bank = None if self._bank is None else self._bank.dump()
        return {"log_price": self.log_price, "rhythm": self.rhythm.dump(), "bank": bank}

    def load(self, state: dict[str, Any]) -> None:
        """Become what `dump` was called on, to the last bit. Raises KeyError, TypeError or ValueError on another's state."""
        self.log_price = float(state["log_price"])
        self.rhythm.load(state["rhythm"])
        self._bank = None
        if state["bank"] is not None:
            self._bank = _bank(0.0, 0.0)
            self._bank.load(state["bank"])


def _bank(log_price: float, volume: float) -> EwmaBank:
    size = sqrt(PRIOR_VARIANCE) / _ABS_TO_SIGMA
    start = np.array([PRIOR_VARIANCE, PRIOR_VARIANCE, size, size, volume, log_price])
    prior_minutes = np.array([_PRIOR_MINUTES, _PRIOR_MINUTES, _PRIOR_MINUTES, _PRIOR_MINUTES, 0.0, _PRIOR_MINUTES])
    return EwmaBank(np.array(HALF_LIVES, float), start, prior_minutes)
