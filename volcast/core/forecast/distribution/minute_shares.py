"""The expected share of each minute in a horizon's variance: by time of day, scheduled news, and forecasts for shorter horizons.

The diurnal profile is the one of |return| that a symbol's features learn, by ten minutes of New York's day. A scheduled release
multiplies the variance of its minute, and less so that of the minutes after it. Within a quarter of an hour, and within five
minutes, the first minutes are the busiest: many programs trade by the clock. Both effects were measured on BTCUSDT in 2022.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from math import exp
from typing import Final

import numpy as np

from volcast.core.arrays import Floats
from volcast.core.estimators.diurnal_means import DiurnalMeans
from volcast.core.forecast.prior import bundled
from volcast.core.market.clock import new_york_minute
from volcast.core.market.releases import release_weight

_BUSY: Final = np.array([1.22, 1.19, 1.09, 1.05, 0.96, 1.08, 1.03, 0.96, 0.93, 0.92, 1.0, 0.95, 0.9, 0.87, 0.84])
"""The variance by minute of a quarter of an hour, relative to its mean."""
_RELEASE, _AFTERMATH = 120.0, 15.0
"""What a release of weight 1 adds to the variance of its minute, and of the first minute after it, in multiples of an ordinary
minute's. It falls with the third power of the weight."""
_AFTERMATH_MINUTES: Final = 5.0
_REMEMBERED_MINUTES: Final = 60
_MIN_SHARE: Final = 0.2
"""Forecasts for shorter horizons leave each part of the horizon at least so much of the share that its time of day gives it."""


def minute_shares(
    minute: int, horizon_minutes: int, profile: Sequence[float] | None = None, variances: Mapping[int, float] | None = None
) -> Floats:
    """Return (H,): the share of each minute in the expected variance of the H minutes after a candle. They sum to 1.

    Args:
        minute: The candle's opening in minutes since 1970-01-01 UTC.
        horizon_minutes: H.
        profile: The means of `Features.diurnal_profile` of the symbol; those of the bundled prior by default.
        variances: Forecasts of the variance by horizon in minutes, H among them: they say how much of it comes early. None means
            that nothing is known but the time.

    Raises ValueError if the profile has another number of bins.

    >>> new_year = 28_401_120
    >>> shares = minute_shares(new_year, 60)
    >>> shares.shape, round(float(shares.sum()), 9)
    ((60,), 1.0)
    >>> round(float(minute_shares(new_year, 60, variances={15: 0.5, 60: 1.0})[:15].sum()), 9)
    0.5
    """
    rhythm = _profile() if profile is None else _profile_of(profile)
    minutes = range(minute + 1, minute + 1 + horizon_minutes)
    shares = np.array([exp(2.0 * rhythm.at(new_york_minute(each))) for each in minutes])
    shares *= _BUSY[np.array(minutes) % len(_BUSY)]
    shares *= _release_factors(minute, horizon_minutes)
    shares /= shares.sum()
    total = (variances or {}).get(horizon_minutes, 0.0)
    begin, known = 0, 0.0
    for end, variance in sorted((variances or {}).items()):
        if begin < end < horizon_minutes and total > 0.0:
            expected, rest = float(shares[begin:end].sum()), float(shares[begin:].sum())
            wanted = min(max(variance / total - known, _MIN_SHARE * expected), rest - _MIN_SHARE * (rest - expected))
            shares[begin:end] *= wanted / expected
            shares[end:] *= (rest - wanted) / (rest - expected)
            begin, known = end, known + wanted
    return shares


def _release_factors(minute: int, horizon_minutes: int) -> Floats:
    """Return (H,): by how much releases multiply the variance of each minute."""
    factors = np.ones(horizon_minutes)
    if not release_weight(minute - _REMEMBERED_MINUTES, horizon_minutes + _REMEMBERED_MINUTES):
        return factors
    for at in range(1 - _REMEMBERED_MINUTES, horizon_minutes + 1):
        weight = release_weight(minute + at - 1, 1)
        if weight:
            after = np.arange(1, horizon_minutes + 1) - at
            fading = _AFTERMATH * np.exp((1.0 - after.clip(min=1)) / _AFTERMATH_MINUTES)
            factors += weight**3 * np.where(after == 0, _RELEASE, fading) * (after >= 0)
    return factors


@cache
def _profile() -> DiurnalMeans:
    return _profile_of(bundled().rhythm)


def _profile_of(means: Sequence[float]) -> DiurnalMeans:
    profile = DiurnalMeans(weekend=True)
    profile.start_from(means)
    return profile
