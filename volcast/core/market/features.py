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
from typing import Any, Final, NamedTuple

from volcast.core.estimators.diurnal_means import DiurnalMeans

from .clock import new_york_minute
from .ewma import EwmaBank

VARIANCE_FLOOR: Final = 1e-12
"""Smallest variance per minute, (0.0001 %)². A constant price would have 0, whose logarithm is undefined."""
PRIOR_VARIANCE: Final = 0.6**2 / 525_600
"""Variance per minute that is assumed before any candle: a volatility of 60 % a year."""
HALF_LIVES = (3, 10, 30, 90, 240, 600, 1_440, 4_320, 10_080, 43_200)
"""In minutes: from three minutes to a month, about evenly spaced on a logarithmic scale."""
LEVEL_HALF_LIFE: Final = 1_440
_PRIOR_MINUTES: Final = 10.0
_DAY_MINUTES: Final = 1_440
_LONG_MINUTES: Final = 600
_SERIES = ("rv", "gk", "abs", "flat", "vol", "price")
_PAIRS: Final = {
    "rv": tuple(pairwise(HALF_LIVES)),
    "vol": ((3, 30), (30, 240), (240, 1_440), (1_440, 10_080), (10_080, 43_200)),
}
_ROBUST: Final = {"gk": (3, 30, 240, 1_440, 43_200), "abs": (3, 30, 240, 1_440), "flat": (10, 30, 240)}
_SHAPES: Final = {
    "s3": ("rv", 3, 30),
    "s30": ("rv", 30, 600),
    "s600": ("rv", 600, 10_080),
    "s10080": ("rv", 10_080, 43_200),
    "v30": ("vol", 30, 1_440),
}
MAX_MOVE: Final = 20.0
"""The largest move of a minute that counts in full, as a multiple of the market's recent volatility: see `Features.max_move`."""
MIN_MAX_MOVE: Final = 0.001
"""Moves below 0.1 % always count in full: of a price that hardly moves, one tick may be many times the volatility."""
MAX_VOLUME_RATIO: Final = 200.0
"""The largest volume of a minute that counts in full, as a multiple of the volume's mean over a month."""
MAX_LOG_RATIO: Final = 8.0
MAX_TREND: Final = 4.0
_MAX_SEASONAL: Final = 2.0
_MAX_LOG_SIZE: Final = 4.0
_PRIOR_LEVEL: Final = 0.5 * log(PRIOR_VARIANCE)
_TYPICAL_LOG_SIZE: Final = -0.8
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


FEATURES: Final = _table()
FEATURE_NAMES: Final = tuple(feature.name for feature in FEATURES)
_GRID: Final = {(s, h): i * len(HALF_LIVES) + j for i, s in enumerate(_SERIES) for j, h in enumerate(HALF_LIVES)}
SHAPES: Final = tuple(_SHAPES)
_ABS, _VOLUME, _PRICE = _SERIES.index("abs"), _SERIES.index("vol"), _SERIES.index("price")
_LEVEL, _MONTH = HALF_LIVES.index(LEVEL_HALF_LIFE), HALF_LIVES.index(43_200)
_FIRST_PRICE: Final = _PRICE * len(HALF_LIVES)
_ABS_TO_SIGMA: Final = sqrt(pi / 2)
_FLOORS: Final = [floor for floor in (VARIANCE_FLOOR, VARIANCE_FLOOR, *[1e-6 / _ABS_TO_SIGMA] * 2, 1e-9) for _ in HALF_LIVES]
_POWERS: Final = [0.5, 0.5, 1.0, 1.0, 0.5]
_OFFSETS: Final = [0.0, 0.0, log(_ABS_TO_SIGMA), log(_ABS_TO_SIGMA), 0.0]
"""By series: v = power · log(mean) + offset."""


_Ratio = tuple[int, int, float, float, float]
"""The difference of two v: the indices of the means top and bottom, and up, down and offset of

    up · log(top) - down · log(bottom) + offset
"""


def _ratio(top: tuple[str, int], bottom: tuple[str, int], times: float) -> _Ratio:
    above, below = (_SERIES.index(series) for series, _ in (top, bottom))
    offset = times * (_OFFSETS[above] - _OFFSETS[below])
    return _GRID[top], _GRID[bottom], times * _POWERS[above], times * _POWERS[below], offset


_RATIOS: Final[list[_Ratio]] = [
    *(_ratio(("rv", a), ("rv", b), 1.0) for a, b in _PAIRS["rv"]),
    *(_ratio((s, h), ("rv", h), 2.0) for s in _ROBUST for h in _ROBUST[s]),
    *(_ratio(("vol", a), ("vol", b), 2.0) for a, b in _PAIRS["vol"]),
]
_SHAPE_RATIOS: Final[list[_Ratio]] = [_ratio((s, a), (s, b), 1.0) for s, a, b in _SHAPES.values()]
_ROOT_HALF_LIVES: Final = [sqrt(half_life) for half_life in HALF_LIVES]
_FIRST_LONG: Final = next(at for at, half_life in enumerate(HALF_LIVES) if half_life >= _LONG_MINUTES)
"""The half-lives from this index on get deseasonalized values on the first day, since a few hours do not show the level of a
whole day."""
_GK_CLOSE: Final = 2 * log(2) - 1


class State:
    """The features after a minute. A class of its own, as a compiled one is made and read faster than a tuple."""

    def __init__(self, vector: list[float], shapes: list[float], level: float) -> None:
        self.vector = vector
        """In the order of `FEATURE_NAMES`; a new list each time."""
        self.shapes = shapes
        """In the order of `SHAPES`: the log ratios whose products are features, too."""
        self.level = level
        """v(rv, 1440): log of the volatility per minute."""


class Features:
    """The features of one symbol, updated by each candle. They are finite from the first candle on.

    >>> features = Features()
    >>> features.push(0, (100.0, 101.0, 99.0, 100.0, 5e4), None)
    >>> features.push(1, (100.0, 101.0, 100.0, 101.0, 4e4), log(1.01))
    >>> state = features.state()
    >>> len(state.vector), len(state.shapes), round(exp(state.level) * sqrt(525_600), 1)
    (38, 5, 2.2)
    """

    def __init__(self) -> None:
        self.log_price = 0.0
        """Log of the last close."""
        self.diurnal_profile = DiurnalMeans(half_life=300.0, prior_visits=100.0, weekend=True)
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
        volume = min(volume, MAX_VOLUME_RATIO * self._bank.mean(_VOLUME, _MONTH) or volume)
        bin_ = self.diurnal_profile.bin_of(new_york_minute(minute))
        seasonal = _within(self.diurnal_profile.means[bin_] - _TYPICAL_LOG_SIZE, _MAX_SEASONAL)
        garman_klass = max(0.5 * range_ * range_ - _GK_CLOSE * size * size, 0.0)
        x = [size * size, garman_klass, size, size * exp(-seasonal), volume, self._path]
        if self._bank.minutes >= _DAY_MINUTES:
            self._bank.push(x)
        else:
            usual, squared = exp(-seasonal), exp(-2.0 * seasonal)
            long = [x[0] * squared, x[1] * squared, x[2] * usual, x[3], x[4] * usual, x[5]]
            self._bank.push(x, long, _FIRST_LONG)
        level = log(max(self._bank.mean(_ABS, _LEVEL) * _ABS_TO_SIGMA, 1e-6))
        self.diurnal_profile.learn_bin(bin_, _within(log(max(size, 1e-6)) - level, _MAX_LOG_SIZE))

    @property
    def max_move(self) -> float:
        """The largest log return of a minute that counts in full: many times the highest recent volatility of any half-life."""
        if self._max_move is None:
            variance = PRIOR_VARIANCE if self._bank is None else max(self._bank.means[: len(HALF_LIVES)])
            self._max_move = max(MAX_MOVE * sqrt(variance), MIN_MAX_MOVE)
        return self._max_move

    def distance(self, half_life: int) -> float:
        """Return the distance of the log price from its mean with the half-life of that index in `HALF_LIVES`; 0 at first."""
        return 0.0 if self._bank is None else self._path - self._bank.mean(_PRICE, half_life)

    def state(self) -> State:
        """Return the features after the last candle. Raises ValueError before the first one."""
        if self._bank is None:
            raise ValueError("no candle has been pushed yet")
        means = self._bank.means
        logs = [log(max(means[at], floor)) for at, floor in enumerate(_FLOORS)]
        level = 0.5 * logs[_LEVEL]
        vector = [1.0, _within(level - _PRIOR_LEVEL, MAX_LOG_RATIO)]
        for top, bottom, up, down, offset in _RATIOS:
            vector.append(_within(up * logs[top] - down * logs[bottom] + offset, MAX_LOG_RATIO))
        for at, span in enumerate(self._spans()):
            move = abs(self._path - means[_FIRST_PRICE + at]) / (sqrt(max(means[at], VARIANCE_FLOOR)) * span)
            vector.append(min(move, MAX_TREND))
        shapes = [up * logs[top] - down * logs[bottom] + offset for top, bottom, up, down, offset in _SHAPE_RATIOS]
        return State(vector, shapes, level)

    def _spans(self) -> list[float]:
        """Return the square roots of the half-lives in minutes, limited by half the age of the means."""
        age = self._minute - self._first_minute
        if age >= 2 * HALF_LIVES[-1]:
            return _ROOT_HALF_LIVES
        limit = sqrt(0.5 * age + 1.0)
        return [min(root, limit) for root in _ROOT_HALF_LIVES]

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
    start = [PRIOR_VARIANCE, PRIOR_VARIANCE, size, size, volume, 0.0]
    prior_minutes = [_PRIOR_MINUTES, _PRIOR_MINUTES, _PRIOR_MINUTES, _PRIOR_MINUTES, 0.0, _PRIOR_MINUTES]
    return EwmaBank(HALF_LIVES, start, prior_minutes)


def _within(value: float, limit: float) -> float:
    """Return the value, cut to ±`limit`. It nearly always lies within; `min` and `max` would be two calls each time."""
    return value if -limit <= value <= limit else min(max(value, -limit), limit)
