"""The statistics of a market's minutes: tails, clustering, daily rhythm, jumps, noise and volume.

All are functions of one-minute candles alone, so that a simulated and a real market can be compared. Logs are natural. A return
exists only where the minute before has a candle. RV is an hour's realized variance, the sum of its squared one-minute returns.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from volcast.core.arrays import Floats
from volcast.core.types import MINUTE_MS, YEAR_MINUTES

from .candles import DAY_MINUTES, Minutes

LAGS_MINUTES = (1, 5, 15, 60, 240, 720, 1_440)
VARIANCE_RATIOS = (5, 15, 60)
TAIL_SHARE = 0.005
JUMP_SIZE = 6.0
"""A return counts as a jump if it exceeds so many local standard deviations, by the bipower variation of the hour before."""
_HOUR = 60
_DAY_HOURS = 24
_MIN_RETURNS = 50
"""An hour with fewer returns has no RV."""
_THURSDAY, _SATURDAY = 3, 5
_HALF_NORMAL = np.sqrt(2.0 / np.pi)
"""E|z| of a standard normal z."""


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """Minutes of a market without holes in the time, from midnight to midnight; what is missing is NaN. All arrays are (n,)."""

    day: int
    """The first day, counted from 1970-01-01."""
    log_returns: Floats
    log_ranges: Floats
    """log(high / low)."""
    quote_volumes: Floats

    @property
    def hourly_variance(self) -> Floats:
        """RV of each hour, (hours,); NaN where it is 0 or has too few returns."""
        hours = self.log_returns.reshape(-1, _HOUR)
        variance = np.nansum(hours**2, axis=1)
        is_known = (np.sum(np.isfinite(hours), axis=1) >= _MIN_RETURNS) & (variance > 0)
        return np.where(is_known, variance, np.nan)


def market_of(minutes: Minutes) -> Market:
    """Put candles on a grid of whole days."""
    first = int(minutes.open_time_ms[0] // MINUTE_MS // DAY_MINUTES)
    last = int(minutes.open_time_ms[-1] // MINUTE_MS // DAY_MINUTES)
    where = minutes.open_time_ms // MINUTE_MS - first * DAY_MINUTES
    close, ranges, volume = np.full((3, (last - first + 1) * DAY_MINUTES), np.nan)
    close[where] = np.log(minutes.close)
    ranges[where] = np.log(minutes.numbers[:, 1] / minutes.numbers[:, 2])
    volume[where] = minutes.numbers[:, 4]
    return Market(first, np.diff(close, prepend=np.nan), ranges, volume)


def statistics_of(market: Market) -> dict[str, float]:
    """Return each statistic under its name. One that the candles do not determine is NaN."""
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing
        return dict((*_tails(market), *_clustering(market), *_rhythm(market), *_jumps(market), *_noise(market), *_volume(market)))


def hourly_profile(market: Market) -> Floats:
    """Return (24,): the volatility of each hour of the day in UTC relative to the day's, as geometric means."""
    by_hour = np.nanmean(np.log(market.hourly_variance).reshape(-1, _DAY_HOURS), axis=0)
    return np.asarray(np.exp(0.5 * (by_hour - by_hour.mean())))


def _tails(market: Market) -> Iterator[tuple[str, float]]:
    r = market.log_returns[np.isfinite(market.log_returns)]
    sizes = np.sort(np.abs(r))
    largest = sizes[-max(2, int(TAIL_SHARE * sizes.size)) :]
    yield "annualized volatility", float(np.sqrt(np.mean(r**2) * YEAR_MINUTES))
    yield "kurtosis of 1-minute returns", _kurtosis(r)
    yield "kurtosis of 1-hour returns", _kurtosis(_sums(market.log_returns, _HOUR))
    yield (
        f"tail index of absolute returns (Hill, largest {TAIL_SHARE:.1%})",
        float(1.0 / np.mean(np.log(largest[1:] / largest[0]))),
    )
    yield "largest absolute return in standard deviations", float(sizes[-1] / np.sqrt(np.mean(r**2)))
    yield "share of returns that are 0", float(np.mean(r == 0.0))


def _clustering(market: Market) -> Iterator[tuple[str, float]]:
    sizes = np.abs(market.log_returns)
    for lag in LAGS_MINUTES:
        yield f"autocorrelation of absolute returns, {lag} min", _autocorrelation(sizes, lag)
    log_variance = np.log(market.hourly_variance)
    yield "standard deviation of log RV", float(np.nanstd(log_variance))
    for hours in (1, _DAY_HOURS):
        yield f"autocorrelation of log RV, {hours} h", _autocorrelation(log_variance, hours)


def _rhythm(market: Market) -> Iterator[tuple[str, float]]:
    log_variance = np.log(market.hourly_variance).reshape(-1, _DAY_HOURS)
    profile = hourly_profile(market)
    days = market.day + np.arange(log_variance.shape[0])
    is_weekend = (days + _THURSDAY) % 7 >= _SATURDAY
    weekend, weekday = (np.nanmean(log_variance[chosen]) for chosen in (is_weekend, ~is_weekend))
    yield "busiest hour, UTC", float(profile.argmax())
    yield "quietest hour, UTC", float(profile.argmin())
    yield "volatility of the busiest hour / the quietest", float(profile.max() / profile.min())
    yield "share of the variance of log RV that is the hour's", float(np.var(2.0 * np.log(profile)) / np.nanvar(log_variance))
    yield "volatility at weekends / on other days", float(np.exp(0.5 * (weekend - weekday)))


def _jumps(market: Market) -> Iterator[tuple[str, float]]:
    """Barndorff-Nielsen & Shephard (2004), and the statistic of Lee & Mykland (2008)."""
    sizes = np.abs(market.log_returns)
    products = np.concatenate(([np.nan], sizes[1:] * sizes[:-1])) / _HALF_NORMAL**2
    both = np.isfinite(products)
    yield "jumps' share of the variance, 1 - BV/RV", float(1.0 - np.mean(products[both]) / np.mean(sizes[both] ** 2))
    local = np.full(sizes.shape, np.nan)
    local[_HOUR:] = np.sqrt(sliding_window_view(products, _HOUR)[:-1].mean(axis=1))
    known = np.isfinite(local) & np.isfinite(sizes) & (local > 0)
    jumps = np.sum(sizes[known] > JUMP_SIZE * local[known])
    yield f"jumps a day: returns of more than {JUMP_SIZE:g} local deviations", float(jumps / np.sum(known) * DAY_MINUTES)


def _noise(market: Market) -> Iterator[tuple[str, float]]:
    """Lo & MacKinlay (1988); Parkinson (1980)."""
    r = market.log_returns
    yield "autocorrelation of returns, 1 min", _autocorrelation(r, 1)
    for minutes in VARIANCE_RATIOS:
        yield f"variance ratio, {minutes} min", float(np.nanmean(_sums(r, minutes) ** 2) / (minutes * np.nanmean(r**2)))
    yield "variance by the range / by the close", float(np.nanmean(market.log_ranges**2) / (4.0 * np.log(2.0)) / np.nanmean(r**2))
    later = np.full(r.shape, np.nan)
    later[:-_HOUR] = sliding_window_view(np.abs(r), _HOUR)[1:].mean(axis=1)
    yield "correlation of returns with absolute returns of the next hour (leverage)", _correlation(r, later)


def _volume(market: Market) -> Iterator[tuple[str, float]]:
    log_volume, log_range = (np.log(np.where(x > 0, x, np.nan)) for x in (market.quote_volumes, market.log_ranges))
    yield "correlation of log volume and log range", _correlation(log_volume, log_range)
    of_hours = np.log(np.nansum(market.quote_volumes.reshape(-1, _HOUR), axis=1))
    log_variance = np.log(market.hourly_variance)
    slope = _correlation(of_hours, log_variance) * _std(of_hours, log_variance) / _std(log_variance, of_hours)
    yield "slope of log hourly volume on log RV", slope
    yield "standard deviation of log volume", float(np.nanstd(log_volume))
    for lag in (1, _HOUR, DAY_MINUTES):
        yield f"autocorrelation of log volume, {lag} min", _autocorrelation(log_volume, lag)
    volumes = market.quote_volumes[np.isfinite(market.quote_volumes)]
    yield "share of minutes without volume", float(np.mean(volumes == 0.0))


def _sums(values: Floats, count: int) -> Floats:
    """Return sums over runs that do not overlap; NaN if one value of a run is."""
    return np.asarray(values[: values.size // count * count].reshape(-1, count).sum(axis=1))


def _kurtosis(values: Floats) -> float:
    """Return E[x⁴] / E[x²]², which is 3 for a normal distribution."""
    x = values[np.isfinite(values)]
    return float(np.mean(x**4) / np.mean(x**2) ** 2)


def _autocorrelation(values: Floats, lag: int) -> float:
    return _correlation(values[:-lag], values[lag:])


def _correlation(one: Floats, other: Floats) -> float:
    known = np.isfinite(one) & np.isfinite(other)
    return float(np.corrcoef(one[known], other[known])[0, 1])


def _std(values: Floats, other: Floats) -> float:
    """Return the standard deviation where both are known."""
    return float(np.std(values[np.isfinite(values) & np.isfinite(other)]))
