"""The regressors of a horizon's forecast: market features, seasonal effects, scheduled news, and products of these."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any, Final, NamedTuple

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.estimators.diurnal_means import DiurnalMeans
from volcast.core.market.clock import DAY_MINUTES, WEEK_MINUTES, is_weekend, new_york_minute
from volcast.core.market.features import FEATURE_NAMES as STATE_NAMES
from volcast.core.market.features import SHAPES, Feature, State
from volcast.core.market.releases import release_weight

_PROFILE: Final = "Usual volatility over the horizon relative to the level, {}; twice its logarithm."
CLOCK_FEATURES = (
    Feature("usual_utc", "log ratio", _PROFILE.format("by ten minutes of the UTC day")),
    Feature("usual_ny", "log ratio", _PROFILE.format("by ten minutes of New York's day, separately for weekends")),
    Feature("usual_week", "log ratio", _PROFILE.format("by hour of New York's week")),
    Feature("usual_day", "log ratio", _PROFILE.format("by day of New York's week")),
    Feature("past_utc", "log ratio", "usual_utc one horizon ago: the seasonal effect in the last returns."),
    Feature("past_ny", "log ratio", "usual_ny one horizon ago."),
    Feature("past_week", "log ratio", "usual_week one horizon ago."),
    Feature("weekend", "1", "1 on Saturdays and Sundays, UTC, else 0."),
    Feature("news", "1", "Weight of a scheduled release of US economic news within the horizon, else 0."),
)
_FACTORS = (*SHAPES, "usual_ny", "usual_week", "past_ny")
_PRODUCT_NAMES: Final = tuple(f"{one}*{other}" for one, other in combinations_with_replacement(_FACTORS, 2))
DESIGN_NAMES = (*STATE_NAMES, *(clock.name for clock in CLOCK_FEATURES), *_PRODUCT_NAMES)
SMALL_NAMES = (
    *("one", "news", "level", "usual_ny", "usual_week", "past_ny"),
    *("rv_3", "rv_30", "rv_240", "rv_1440", "rv_10080", "abs_3", "abs_30", "abs_240", "gk_30"),
    *("vol_3", "vol_30", "vol_240", "trend_30", "trend_240", "trend_1440", "trend_10080"),
)
"""The regressors of the second stage: of the mean, the expected error and the expected |return|."""
SMALL: Final = tuple(DESIGN_NAMES.index(name) for name in SMALL_NAMES)
"""Indices of `SMALL_NAMES` in a row."""
MAX_PRODUCT: Final = 3.0
MAX_DEVIATION: Final = 4.0
_DAY_BINS: Final = 144
"""Bins of a day in New York's profile. The bins of weekdays come first, those of weekends follow."""


def _profiles() -> dict[str, DiurnalMeans]:
    return {
        "utc": DiurnalMeans(half_life=600.0, prior_visits=30.0),
        "new_york": DiurnalMeans(half_life=400.0, prior_visits=30.0, weekend=True),
        "week": DiurnalMeans(period_minutes=WEEK_MINUTES, bin_minutes=60, half_life=960.0, prior_visits=60.0),
        "day": DiurnalMeans(period_minutes=WEEK_MINUTES, bin_minutes=DAY_MINUTES, half_life=11_520.0, prior_visits=1_440.0),
    }


class _Bins(NamedTuple):
    """The bin of a minute in each profile."""

    utc: int
    new_york: int
    week: int
    day: int


_CLOCKS: Final = tuple(_profiles().values())


@lru_cache(maxsize=4_096)
def _bins(minute: int) -> _Bins:
    """Return the bins of a minute of UTC. They are cached: all horizons and symbols need them, at three different times."""
    local = new_york_minute(minute)
    utc, new_york, week, day = _CLOCKS
    return _Bins(utc.bin_of(minute), new_york.bin_of(local), week.bin_of(local), day.bin_of(local))


class Design:
    """The rows of one horizon's regressions, and the diurnal profiles in them, which are learned from outcomes.

    >>> design = Design(60)
    >>> design.learn(0, 0.5)
    >>> round(design.utc.at(0), 4)
    0.0161
    """

    def __init__(self, horizon_minutes: int) -> None:
        self.horizon_minutes = horizon_minutes
        self.profiles: Mapping[str, DiurnalMeans] = _profiles()
        self.utc, self.new_york, self.week, self.day = self.profiles.values()
        self._sums = [0.0, 0.0]
        """Sums of the means in New York's profile: of the bins of weekdays, and of weekends."""

    def learn(self, minute: int, deviation: float) -> None:
        """Learn the volatility over the horizon after `minute` (UTC): its log ratio to the level, clipped to ±`MAX_DEVIATION`."""
        y = min(max(deviation, -MAX_DEVIATION), MAX_DEVIATION)
        bins = _bins(minute)
        self.utc.learn_bin(bins.utc, y)
        means, at = self.new_york.means, bins.new_york
        before = means[at]
        self.new_york.learn_bin(at, y)
        self._sums[at >= _DAY_BINS] += means[at] - before
        self.week.learn_bin(bins.week, y)
        self.day.learn_bin(bins.day, y)

    def row(self, minute: int, state: State) -> Floats:
        """Return a new array (len(DESIGN_NAMES),) in the order of `DESIGN_NAMES`; `minute` (UTC) is that of the last candle."""
        now, past = _bins(minute), _bins(minute - self.horizon_minutes)
        by_utc, by_new_york, by_week = self.utc.means, self.new_york.means, self.week.means
        new_york, week, past_new_york = by_new_york[now.new_york], by_week[now.week], by_new_york[past.new_york]
        row = [
            *state.vector,
            2.0 * by_utc[now.utc],
            2.0 * new_york,
            2.0 * week,
            2.0 * self.day.means[now.day],
            2.0 * by_utc[past.utc],
            2.0 * past_new_york,
            2.0 * by_week[past.week],
            1.0 if is_weekend(minute) else 0.0,
            release_weight(minute, self.horizon_minutes),
        ]
        factors = [*state.shapes, new_york, week, past_new_york]
        for left, factor in enumerate(factors):
            row += [max(min(factor * other, MAX_PRODUCT), -MAX_PRODUCT) for other in factors[left:]]
        return np.fromiter(row, np.float64, len(DESIGN_NAMES))

    def seasonal_effect(self, minute: int) -> float:
        """Return what the time of New York's day adds to the log volatility over the horizon after `minute` (UTC).

        Its average over a week is 0.
        """
        weekdays, weekends = self._sums
        return self.new_york.means[_bins(minute).new_york] - (5 * weekdays + 2 * weekends) / (7 * _DAY_BINS)

    def learned(self) -> dict[str, list[float]]:
        """Return the means of the bins, by profile."""
        return {name: list(profile.means) for name, profile in self.profiles.items()}

    def start_from(self, means: Mapping[str, Sequence[float]]) -> None:
        """Start from the means of another symbol's profiles.

        Raises KeyError if a profile is missing, ValueError if it has another number of bins.
        """
        for name, profile in self.profiles.items():
            profile.start_from(means[name])
        self._sums = [sum(self.new_york.means[:_DAY_BINS]), sum(self.new_york.means[_DAY_BINS:])]

    def dump(self) -> dict[str, Any]:
        """Return the state: raw arrays and two numbers."""
        return {"sums": list(self._sums), **{name: profile.dump() for name, profile in self.profiles.items()}}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `dump` returned, to the last bit. Raises KeyError, TypeError or ValueError if it does not fit."""
        weekdays, weekends = state["sums"]
        self._sums = [float(weekdays), float(weekends)]
        for name, profile in self.profiles.items():
            profile.load(state[name])
