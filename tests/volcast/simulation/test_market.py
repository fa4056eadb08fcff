"""The simulated market: reproducible, well-formed candles with the statistical properties that its docstring promises."""

from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import YEAR_MINUTES
from volcast.simulation.candle import SimulatedCandle
from volcast.simulation.market import parameters_of, simulate_candles

START_MS = 1_704_067_200_000  # a Monday
DAYS = 60

symbols = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=10)
seeds = st.integers(min_value=0, max_value=2**70)


def candles(symbol: str = "BTCUSDT", *, minutes: int = 200, seed: int = 42, start_ms: int = START_MS) -> list[SimulatedCandle]:
    return list(simulate_candles(symbol, minutes=minutes, seed=seed, start_ms=start_ms))


class TestStream:
    def test_the_same_seed_is_the_same_market(self) -> None:
        assert candles(minutes=2_000) == candles(minutes=2_000)

    @pytest.mark.parametrize("other", [{"seed": 43}, {"symbol": "BTCUSDC"}])
    def test_another_seed_or_symbol_is_another_market(self, other: dict[str, int | str]) -> None:
        closes = [candle.close for candle in candles()]
        assert [candle.close for candle in candles(**other)] != closes  # type: ignore[arg-type]  # one keyword or the other

    @given(minutes=st.integers(min_value=0, max_value=3_000))
    @settings(max_examples=20)
    def test_a_shorter_run_is_the_beginning_of_a_longer_one(self, minutes: int) -> None:
        assert candles(minutes=minutes) == candles(minutes=3_000)[:minutes]

    def test_it_is_lazy(self) -> None:
        assert len(list(islice(simulate_candles("X", minutes=10**12, seed=0, start_ms=0), 5))) == 5

    @pytest.mark.parametrize(("minutes", "start_ms"), [(-1, 0), (1, 59_999)])
    def test_wrong_arguments(self, minutes: int, start_ms: int) -> None:
        with pytest.raises(ValueError, match="must be"):
            simulate_candles("X", minutes=minutes, seed=0, start_ms=start_ms)


class TestCandle:
    @given(symbol=symbols, seed=seeds, start_minute=st.integers(min_value=0, max_value=10**8))
    @settings(max_examples=30)
    def test_is_well_formed(self, symbol: str, seed: int, start_minute: int) -> None:
        run = candles(symbol, minutes=1_500, seed=seed, start_ms=start_minute * 60_000)
        assert [candle.open_time_ms for candle in run] == [(start_minute + i) * 60_000 for i in range(1_500)]
        for candle in run:
            open_, high, low, close, volume, quote_volume = map(Decimal, candle[1:7])
            assert 0 < low <= min(open_, close) <= max(open_, close) <= high
            assert volume > 0
            assert quote_volume >= 0
            assert all(is_exact(number) for number in (open_, high, low, close, volume, quote_volume))
            assert candle.true_volatility > 0
        assert all(before.close == after.open for before, after in pairwise(run))

    @given(symbol=symbols, seed=seeds)
    @settings(max_examples=30)
    def test_prices_stay_positive_and_exact_over_ten_years(self, symbol: str, seed: int) -> None:
        """A day with the variance of ten years: the same spread of prices at its end."""
        p = parameters_of(symbol)
        p = replace(p, annual_volatility=p.annual_volatility * 3_650**0.5)
        for candle in simulate_candles(symbol, minutes=DAY_MINUTES, seed=seed, start_ms=START_MS, parameters=p):
            prices = [Decimal(text) for text in candle[1:5]]
            assert min(prices) > 0
            assert all(is_exact(price) for price in prices)

    def test_a_price_never_falls_below_a_tick(self) -> None:
        p = replace(parameters_of("X"), start_price=2e-5, price_decimals=5, annual_volatility=40.0)
        run = simulate_candles("X", minutes=DAY_MINUTES, seed=1, start_ms=START_MS, parameters=p)
        assert min(candle.low for candle in run) == "0.00001"


class Run(NamedTuple):
    """The columns of a run."""

    close: Floats
    high: Floats
    low: Floats
    volume: Floats
    true_volatility: Floats

    @property
    def log_returns(self) -> Floats:
        return np.diff(np.log(self.close))


@cache
def sixty_days(symbol: str, seed: int = 1) -> Run:
    run = simulate_candles(symbol, minutes=DAYS * DAY_MINUTES, seed=seed, start_ms=START_MS)
    rows = ((float(c.close), float(c.high), float(c.low), float(c.volume), c.true_volatility) for c in run)
    return Run(*np.array(list(rows)).T)


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
class TestLaws:
    """Statistical laws on 60 days of each symbol; the bounds are wide, the seeds fixed."""

    def test_the_level_of_volatility(self, symbol: str) -> None:
        assert 0.35 < annual(sixty_days(symbol).log_returns) < 1.1

    def test_returns_have_the_true_volatility(self, symbol: str) -> None:
        true_volatility = sixty_days(symbol).true_volatility[1:]
        squares = (sixty_days(symbol).log_returns / true_volatility) ** 2
        assert np.mean(squares) == pytest.approx(1.0, abs=0.1)
        assert np.median(squares) == pytest.approx(0.455, abs=0.025)  # of chi-squared with one degree: jumps hardly move it
        quiet, busy = np.array_split(np.argsort(true_volatility), 2)
        assert np.median(squares[quiet]) == pytest.approx(np.median(squares[busy]), abs=0.04)

    def test_volatility_clusters(self, symbol: str) -> None:
        returns = sixty_days(symbol).log_returns
        assert autocorrelation(returns**2, 1) > autocorrelation(returns**2, 60) > 0.02
        assert abs(autocorrelation(returns, 1)) < 0.03

    def test_returns_have_heavy_tails(self, symbol: str) -> None:
        returns = sixty_days(symbol).log_returns
        assert np.mean(returns**4) / np.mean(returns**2) ** 2 > 5.0

    def test_the_daily_profile_and_the_weekend(self, symbol: str) -> None:
        log_variance = np.log(sixty_days(symbol).true_volatility ** 2).reshape(DAYS, 24, 60)
        by_hour = log_variance.mean(axis=(0, 2))
        assert 13 <= by_hour.argmax() <= 16
        assert by_hour.max() - by_hour.min() > 0.6
        weekend = np.isin(np.arange(DAYS) % 7, (5, 6))
        assert log_variance[weekend].mean() < log_variance[~weekend].mean()

    def test_the_range_measures_the_volatility(self, symbol: str) -> None:
        """Parkinson (1980): E[log(high/low)²] = 4·ln 2·σ²."""
        run = sixty_days(symbol)
        parkinson = np.log(run.high / run.low) ** 2 / (4.0 * np.log(2.0))
        assert np.mean(parkinson) == pytest.approx(np.mean(run.true_volatility**2), rel=0.05)

    def test_volume_rises_with_volatility(self, symbol: str) -> None:
        run = sixty_days(symbol)
        assert np.corrcoef(np.log(run.volume), np.log(run.true_volatility))[0, 1] > 0.5


def test_the_mean_level_is_the_requested_one() -> None:
    squares = [np.mean(sixty_days("BTCUSDT", seed).true_volatility ** 2) for seed in range(1, 7)]
    assert 0.45 < np.sqrt(np.mean(squares) * YEAR_MINUTES) < 0.6


def test_symbols_are_independent() -> None:
    one, other = (np.sign(sixty_days(symbol).log_returns) for symbol in ("BTCUSDT", "ETHUSDT"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02


def is_exact(number: Decimal) -> bool:
    """Return whether a number has at most 8 decimals and 15 significant digits."""
    _, digits, exponent = number.as_tuple()
    return isinstance(exponent, int) and exponent >= -8 and len(digits) <= 15


def annual(returns: Floats) -> float:
    return float(np.sqrt(np.mean(returns**2) * YEAR_MINUTES))


def autocorrelation(values: Floats, lag: int) -> float:
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])
