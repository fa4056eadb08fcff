"""The statistics of a market: each one on minutes whose answer is known."""

from typing import Any

import numpy as np
import pytest

from bench.candles import DAY_MINUTES, Minutes
from bench.market_statistics import Market, hourly_profile, market_of, statistics_of
from volcast.core.arrays import Floats
from volcast.core.types import YEAR_MINUTES

MONDAY = 19_723  # 2024-01-01, in days since 1970
DAYS = 28
SIGMA = 5e-4


def normal(seed: int = 1) -> Floats:
    return np.asarray(np.random.default_rng(seed).standard_normal(DAYS * DAY_MINUTES))


def market(log_returns: Floats, **other: Floats) -> Market:
    n = log_returns.size
    parts: dict[str, Any] = {"log_ranges": np.full(n, SIGMA), "quote_volumes": np.ones(n), **other}
    return Market(MONDAY, log_returns, **parts)


def found(log_returns: Floats, name: str, **other: Floats) -> float:
    [value] = [value for key, value in statistics_of(market(log_returns, **other)).items() if key.startswith(name)]
    return value


def test_independent_normal_returns() -> None:
    stats = statistics_of(market(SIGMA * normal()))
    assert stats["annualized volatility"] == pytest.approx(SIGMA * YEAR_MINUTES**0.5, rel=0.02)
    assert stats["kurtosis of 1-minute returns"] == pytest.approx(3.0, abs=0.15)
    assert stats["share of returns that are 0"] == 0.0
    assert stats["standard deviation of log RV"] == pytest.approx((2 / 60) ** 0.5, rel=0.1)
    assert stats["volatility at weekends / on other days"] == pytest.approx(1.0, abs=0.02)
    assert stats["jumps' share of the variance, 1 - BV/RV"] == pytest.approx(0.0, abs=0.02)
    assert found(SIGMA * normal(), "jumps a day") < 0.1
    for name, value in stats.items():
        if name.startswith(("autocorrelation of absolute", "autocorrelation of returns", "correlation of returns")):
            assert abs(value) < 0.03, name
        if name.startswith("variance ratio"):
            assert value == pytest.approx(1.0, abs=0.1), name


@pytest.mark.parametrize("index", [2.0, 4.0])
def test_the_tail_index_of_a_power_law(index: float) -> None:
    sizes = np.random.default_rng(3).pareto(index, DAYS * DAY_MINUTES) + 1.0
    assert found(sizes, "tail index") == pytest.approx(index, rel=0.25)


def test_the_autocorrelation_of_sizes_that_repeat() -> None:
    """Returns whose size is the same for ten minutes: at lag 5 half of the pairs lie in one run."""
    rng = np.random.default_rng(4)
    sizes = np.repeat(rng.random(DAYS * DAY_MINUTES // 10), 10)
    returns = sizes * rng.choice([-1.0, 1.0], sizes.size)
    assert found(returns, "autocorrelation of absolute returns, 1 min") == pytest.approx(0.9, abs=0.02)
    assert found(returns, "autocorrelation of absolute returns, 5 min") == pytest.approx(0.5, abs=0.03)
    assert found(returns, "autocorrelation of absolute returns, 15 min") == pytest.approx(0.0, abs=0.04)


def test_returns_that_revert() -> None:
    z = normal()
    returns = np.diff(z, prepend=0.0)
    assert found(returns, "autocorrelation of returns, 1 min") == pytest.approx(-0.5, abs=0.02)
    assert found(returns, "variance ratio, 5 min") == pytest.approx(0.2, abs=0.01)


def test_the_rhythm() -> None:
    hour = np.arange(DAYS * DAY_MINUTES) // 60 % 24
    weekend = np.arange(DAYS * DAY_MINUTES) // DAY_MINUTES % 7 >= 5
    scale = np.select([hour == 15, hour == 4], [2.0, 0.5], 1.0) * np.where(weekend, 0.7, 1.0)
    stats = statistics_of(market(SIGMA * scale * normal()))
    assert (stats["busiest hour, UTC"], stats["quietest hour, UTC"]) == (15.0, 4.0)
    assert stats["volatility of the busiest hour / the quietest"] == pytest.approx(4.0, rel=0.1)
    assert stats["volatility at weekends / on other days"] == pytest.approx(0.7, abs=0.02)
    profile = hourly_profile(market(SIGMA * scale * normal()))
    assert profile[15] == pytest.approx(2.0, rel=0.1)
    assert np.exp(np.log(profile).mean()) == pytest.approx(1.0)


def test_jumps_are_counted_where_they_stand_out() -> None:
    returns = SIGMA * normal()
    returns[700::DAY_MINUTES] = 30 * SIGMA
    assert found(returns, "jumps a day") == pytest.approx(1.0, abs=0.1)
    assert found(returns, "jumps' share") == pytest.approx(900 / (900 + DAY_MINUTES), abs=0.05)


def test_the_range_measures_the_variance() -> None:
    """A range whose square is 4·ln 2 times the variance, as of a Brownian motion (Parkinson, 1980)."""
    n = DAYS * DAY_MINUTES
    stats = found(SIGMA * normal(), "variance by the range", log_ranges=np.full(n, SIGMA * (4 * np.log(2)) ** 0.5))
    assert stats == pytest.approx(1.0, abs=0.02)


def test_volume() -> None:
    """Volume is the variance of its hour to the power of 0.6, times noise."""
    hours = np.repeat(np.random.default_rng(5).standard_normal(DAYS * 24), 60)
    scale = np.exp(0.5 * hours)
    volumes = np.exp(0.6 * hours + 0.1 * normal(6))
    volumes[::10] = 0.0
    other = {"quote_volumes": volumes, "log_ranges": SIGMA * scale}
    returns = SIGMA * scale * normal()
    assert found(returns, "slope of log hourly volume", **other) == pytest.approx(0.6, abs=0.05)
    assert found(returns, "correlation of log volume and log range", **other) > 0.95
    assert found(returns, "share of minutes without volume", **other) == pytest.approx(0.1)
    assert found(returns, "autocorrelation of log volume, 1 min", **other) > 0.9
    assert abs(found(returns, "autocorrelation of log volume, 60 min", **other)) < 0.1


def test_missing_minutes_give_no_return_and_no_hour() -> None:
    times = (MONDAY * DAY_MINUTES + np.delete(np.arange(DAY_MINUTES), np.arange(100, 160))) * 60_000
    close = np.exp(SIGMA * np.arange(times.size)) * 100.0
    numbers = np.column_stack([close, close * 1.01, close, close, np.ones(times.size)])
    made = market_of(Minutes("X", times, numbers))
    assert made.day == MONDAY
    assert np.isnan(made.log_returns[[0, *range(100, 161)]]).all()
    assert np.isfinite(made.log_returns).sum() == DAY_MINUTES - 62
    assert np.isnan(made.hourly_variance).tolist() == [hour in (1, 2) for hour in range(24)]
    assert made.log_ranges[0] == pytest.approx(np.log(1.01))


def test_a_market_that_stands_still_has_no_numbers_but_its_zeros() -> None:
    stats = statistics_of(market(np.zeros(DAYS * DAY_MINUTES)))
    assert stats["share of returns that are 0"] == 1.0
    assert np.isnan(stats["kurtosis of 1-minute returns"])
    assert np.isnan(stats["standard deviation of log RV"])
