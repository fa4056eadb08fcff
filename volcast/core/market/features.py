"""Features of a market: log ratios of smoothed volatilities and volumes, which have the same scale for every coin and price.

All are causal and take constant time; the state is a matrix of exponentially weighted means. v(s, h) is the log volatility per
minute estimated from series s with a half-life of h minutes:

    rv    squared log returns                    gk    range estimator of Garman & Klass, from open, high, low and close
    abs   |log return|: robust to jumps          flat  abs divided by the usual |return| at this time of New York's day
    vol   half the log of the volume

A minute without a return, the first one after a gap, changes nothing but the price. The largest move and the largest volume of a
minute are cut to a multiple of what is usual, so that no candle, however wrong, blinds the features for long.

References: M. Garman & M. Klass, On the Estimation of Security Price Volatilities from Historical Data, J. Business 53 (1980).
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
"""Smallest variance per minute, (0.0001 %)². A constant price would have 0, whose logarithm is undefined."""
PRIOR_VARIANCE = 0.6**2 / 525_600
"""Variance per minute that is assumed before any candle: a volatility of 60 % a year."""
HALF_LIVES = (3, 10, 30, 90, 240, 600, 1_440, 4_320, 10_080, 43_200)
"""In minutes: from three minutes to a month, about evenly spaced on a logarithmic scale."""
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
MAX_MOVE = 20.0
"""The largest move of a minute that counts in full, as a multiple of the market's recent volatility: see `Features.max_move`."""
MIN_MAX_MOVE = 0.001
"""Moves below 0.1 % always count in full: of a price that hardly moves, one tick may be many times the volatility."""
MAX_VOLUME_RATIO = 200.0
"""The largest volume of a minute that counts in full, as a multiple of the volume's mean over a month."""
MAX_LOG_RATIO = 8.0
MAX_TREND = 4.0
_MAX_SEASONAL = 2.0
_MAX_LOG_SIZE = 4.0
_PRIOR_LEVEL = 0.5 * log(PRIOR_VARIANCE)
_TYPICAL_LOG_SIZE = -0.8
"""E[log |r|] - log E|r| of typical returns: the diurnal profile's value at a time without a seasonal effect."""


class Feature(NamedTuple):
    """Description of one element of a feature vector."""

    name: str
    unit: str
    description: str


def _table() -> tuple[Feature, ...]:
    rows = [Feature("one", "1", "Always 1."), Feature("level", "log", "v(rv, 1440) relative to 60 % a year.")]
    rows += [Feature(f"rv_{a}", "log ratio", f"v(rv, {a}) - v(rv, {b}).") for a, b in _PAIRS["rv"]]
    rows += [Feature(f"{s}_{h}", "log ratio", f"2·(v({s}, {h}) - v(rv, {h})).") for s in _ROBUST for h in _ROBUST[s]]
    rows += [
        Feature(f"vol_{a}", "log ratio", f"2·(v(vol, {a}) - v(vol, {b})): recent volume relative to earlier volume.")
        for a, b in _PAIRS["vol"]
    ]
    trend = "|log price - its mean of half-life {0}| / (exp v(rv, {0})·√{0}): distance of the price from its mean."
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
_ABS, _VOLUME, _PRICE = _SERIES.index("abs"), _SERIES.index("vol"), _SERIES.index("price")
_LEVEL = HALF_LIVES.index(LEVEL_HALF_LIFE)
_ABS_TO_SIGMA = sqrt(pi / 2)
_FLOORS = np.repeat([VARIANCE_FLOOR, VARIANCE_FLOOR, 1e-6 / _ABS_TO_SIGMA, 1e-6 / _ABS_TO_SIGMA, 1e-9], len(HALF_LIVES))
_POWERS = np.repeat([0.5, 0.5, 1.0, 1.0, 0.5], len(HALF_LIVES))
_OFFSETS = np.repeat([0.0, 0.0, log(_ABS_TO_SIGMA), log(_ABS_TO_SIGMA), 0.0], len(HALF_LIVES))


def _ratios_of_logs() -> tuple[Floats, Floats]:
    """Return M (rows, means) and c (rows,) such that M·log(means) + c is the level, the ratios and the shapes."""
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
"""(series, half-lives): the power of the usual |return| by which a value is divided on the first day, 0 for none. The long
half-lives get deseasonalized values then, since a few hours do not show the level of a whole day."""
_GK_CLOSE = 2 * log(2) - 1


class State(NamedTuple):
    """The features after a minute."""

    vector: Floats
    """(len(FEATURE_NAMES),), in the order of `FEATURE_NAMES`; a new array each time."""
    shapes: Floats
    """(len(SHAPES),), in the order of `SHAPES`: the log ratios whose products are features, too."""
    level: float
    """v(rv, 1440): log of the volatility per minute."""


class Features:
    """The features of one symbol, updated by each candle. They are finite from the first candle on.

    >>> features = Features()
    >>> features.push(0, (100.0, 101.0, 99.0, 100.0, 5e4), None)
    >>> features.push(1, (100.0, 101.0, 100.0, 101.0, 4e4), log(1.01))
    >>> state = features.state()
    >>> state.vector.shape, state.shapes.shape, round(exp(state.level) * sqrt(525_600), 1)
    ((38,), (5,), 2.2)
    """

    def __init__(self) -> None:
        self.log_price = 0.0
        """Log of the last close."""
        self.diurnal_profile = DiurnalProfile("minute", half_life=300.0, prior_visits=100.0, weekend=True)
        """log |r| relative to its level, by time of New York's day."""
        self.diurnal_profile.start_from([_TYPICAL_LOG_SIZE] * len(self.diurnal_profile.means))
        self._bank: EwmaBank | None = None
        self._first_minute = self._minute = 0
        self._max_move: float | None = None
        """The value of `max_move`, which is needed twice a minute; None if it must be computed anew."""
        self._path = 0.0
        """The sum of all log returns, each cut to `max_move`: what the means of the price and the trends are made of."""

    def push(self, minute: int, candle: tuple[float, float, float, float, float], log_return: float | None) -> None:
        """Add a candle: open, high, low and close, and the volume in the quote currency.

        `minute` is its opening in minutes since 1970-01-01 UTC. `log_return` is the log return from the close of the minute
        before, None if that minute is missing.
        """
        _, high, low, close, volume = candle
        limit, log_price_before, missing = self.max_move, self.log_price, minute - self._minute - 1
        self.log_price, self._minute, self._max_move = log(close), minute, None
        if self._bank is None:
            self._bank, self._first_minute = _bank(volume), minute
            return
        move = self.log_price - log_price_before if log_return is None else log_return
        self._path += _within(move, limit)
        if log_return is None:
            self._bank.catch_up(_PRICE, self._path, missing)
            return
        top, bottom = max(log(high), log_price_before), min(log(low), log_price_before)
        range_, size = min(top - bottom, limit), min(abs(log_return), limit)
        volume = min(volume, MAX_VOLUME_RATIO * self._bank.means.item(_VOLUME, -1) or volume)
        bin_ = self.diurnal_profile.bin_of(new_york_minute(minute))
        seasonal = _within(self.diurnal_profile.means[bin_] - _TYPICAL_LOG_SIZE, _MAX_SEASONAL)
        garman_klass = max(0.5 * range_ * range_ - _GK_CLOSE * size * size, 0.0)
        x = np.array([size * size, garman_klass, size, size * exp(-seasonal), volume, self._path])[:, np.newaxis]
        self._bank.push(x if self._bank.minutes >= _DAY_MINUTES else x * np.exp(-seasonal * _FIRST_DAY))
        level = log(max(self._bank.means.item(_ABS, _LEVEL) * _ABS_TO_SIGMA, 1e-6))
        self.diurnal_profile.learn_bin(bin_, _within(log(max(size, 1e-6)) - level, _MAX_LOG_SIZE))

    @property
    def max_move(self) -> float:
        """The largest log return of a minute that counts in full: many times the highest recent volatility of any half-life."""
        if self._max_move is None:
            variance = PRIOR_VARIANCE if self._bank is None else float(self._bank.means[0].max())
            self._max_move = max(MAX_MOVE * sqrt(variance), MIN_MAX_MOVE)
        return self._max_move

    def distance(self, half_life: int) -> float:
        """Return the distance of the log price from its mean with the half-life of that index in `HALF_LIVES`; 0 at first."""
        return 0.0 if self._bank is None else self._path - self._bank.means.item(_PRICE, half_life)

    def state(self) -> State:
        """Return the features after the last candle. Raises ValueError before the first one."""
        if self._bank is None:
            raise ValueError("no candle has been pushed yet")
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
        moves = np.abs(self._path - means[_LOGS])
        moves /= np.sqrt(clamped[: len(HALF_LIVES)]) * self._spans()
        np.minimum(moves, MAX_TREND, out=vector[_FIRST_TREND:])
        return State(vector, v[_FIRST_SHAPE:], level)

    def _spans(self) -> Floats:
        """Return the square roots (half-lives,) of the half-lives in minutes, limited by half the age of the means."""
        age = self._minute - self._first_minute
        if age >= 2 * HALF_LIVES[-1]:
            return _ROOT_HALF_LIVES
        return np.asarray(np.minimum(_ROOT_HALF_LIVES, sqrt(0.5 * age + 1.0)))

    def dump(self) -> dict[str, Any]:
        """Return the state: numbers and raw arrays."""
        bank = None if self._bank is None else self._bank.dump()
        return {
            "log_price": self.log_price,
            "minutes_seen": [self._first_minute, self._minute],
            "path": self._path,
            "rhythm": self.diurnal_profile.dump(),
            "bank": bank,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        self.log_price, self._path = float(state["log_price"]), float(state["path"])
        self._first_minute, self._minute = (int(minute) for minute in state["minutes_seen"])
        self.diurnal_profile.load(state["rhythm"])
        self._bank = self._max_move = None
        if state["bank"] is not None:
            self._bank = _bank(0.0)
            self._bank.load(state["bank"])


def _bank(volume: float) -> EwmaBank:
    size = sqrt(PRIOR_VARIANCE) / _ABS_TO_SIGMA
    start = np.array([PRIOR_VARIANCE, PRIOR_VARIANCE, size, size, volume, 0.0])
    prior_minutes = np.array([_PRIOR_MINUTES, _PRIOR_MINUTES, _PRIOR_MINUTES, _PRIOR_MINUTES, 0.0, _PRIOR_MINUTES])
    return EwmaBank(np.array(HALF_LIVES, float), start, prior_minutes)


def _within(value: float, limit: float) -> float:
    """Return the value, cut to ±`limit`. It nearly always lies within; `min` and `max` would be two calls each time."""
    return value if -limit <= value <= limit else min(max(value, -limit), limit)
