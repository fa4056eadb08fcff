"""Correlated symbols: the correlations that were asked for, and markets that alone are the same as without."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.core.arrays import Floats
from volcast.core.market.clock import DAY_MINUTES
from volcast.core.types import YEAR_MINUTES
from volcast.simulation.candle import SimulatedCandle
from volcast.simulation.draws import Correlation, Draws
from volcast.simulation.market import simulate_candles

START_MS = 1_704_067_200_000
DAYS = 60
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def candles(symbol: str, correlation: Correlation | None, minutes: int = 3_000, seed: int = 1) -> list[SimulatedCandle]:
    return list(simulate_candles(symbol, minutes=minutes, seed=seed, start_ms=START_MS, correlation=correlation))


@cache
def sixty_days(symbol: str, returns: float, volatilities: float) -> tuple[Floats, Floats]:
    """Return log returns and log variances."""
    run = candles(symbol, Correlation(returns, volatilities), DAYS * DAY_MINUTES)
    close = np.array([float(candle.close) for candle in run])
    return np.diff(np.log(close)), np.log([candle.true_volatility**2 for candle in run])


class TestCorrelation:
    @pytest.mark.parametrize(("returns", "volatilities"), [(0.0, 0.8), (0.6, 0.6), (0.6, 0.0), (0.8, 0.95)])
    def test_is_the_one_asked_for(self, returns: float, volatilities: float) -> None:
        """That of the log variances only roughly: their memory is days long, and 60 days have few of them."""
        pairs = list(combinations([sixty_days(symbol, returns, volatilities) for symbol in SYMBOLS], 2))
        assert np.mean([correlated(one[0], other[0]) for one, other in pairs]) == pytest.approx(returns, abs=0.05)
        without = [(without_rhythm(one[1]), without_rhythm(other[1])) for one, other in pairs]
        assert np.mean([correlated(*pair) for pair in without]) == pytest.approx(volatilities, abs=0.25)

    def test_without_one_symbols_are_independent(self) -> None:
        one, other = (
            np.diff(np.log([float(candle.close) for candle in candles(symbol, None, 40_000)])) for symbol in SYMBOLS[:2]
        )
        assert abs(correlated(np.sign(one), np.sign(other))) < 0.03

    @pytest.mark.parametrize("symbol", SYMBOLS)
    def test_each_symbol_alone_keeps_its_laws(self, symbol: str) -> None:
        """The mean variance, the standardised returns, and their tails are as without a correlation."""
        returns, log_variance = sixty_days(symbol, 0.6, 0.6)
        squares = returns**2 / np.exp(log_variance[1:])
        assert np.mean(squares) == pytest.approx(1.0, abs=0.1)
        assert np.median(squares) == pytest.approx(0.455, abs=0.05)
        assert 0.35 < np.sqrt(np.mean(returns**2) * YEAR_MINUTES) < 1.2
        assert abs(correlated(returns[1:], returns[:-1])) < 0.03

    def test_complete_correlation_makes_the_same_moves(self) -> None:
        correlation = Correlation(1.0, 1.0)
        one, other = (np.array([c.true_volatility for c in candles(symbol, correlation)]) for symbol in SYMBOLS[:2])
        jumps = 0.5 / DAY_MINUTES * 0.006**2
        ratio = (one**2 - jumps) / (other**2 - jumps)
        assert ratio == pytest.approx(np.full(one.size, (0.5 / 0.6) ** 2), rel=1e-6)

    def test_a_correlation_of_zero_changes_nothing(self) -> None:
        assert Correlation.of(0.0, None) is None
        assert Correlation.of(0.0, 0.0) is None
        assert candles("X", None) == candles("X", Correlation.of(0.0, 0.0))

    def test_that_of_the_volatilities_is_by_default_that_of_the_returns(self) -> None:
        assert Correlation.of(0.6, None) == Correlation(0.6, 0.6)
        assert Correlation.of(0.6, 0.2) == Correlation(0.6, 0.2)

    @given(returns=st.floats(0.0, 1.0), volatilities=st.floats(0.0, 1.0), log_variance=st.floats(0.0, 4.0))
    def test_moves_are_more_correlated_than_returns_where_volatilities_differ(
        self, returns: float, volatilities: float, log_variance: float
    ) -> None:
        correlation = Correlation(returns, volatilities)
        if returns * np.exp((1.0 - volatilities) * log_variance / 4.0) > 1.0 + 1e-9:
            with pytest.raises(ValueError, match="at most"):
                correlation.of_moves(log_variance)
        else:
            assert returns - 1e-12 <= correlation.of_moves(log_variance) <= 1.0

    @given(correlation=st.floats(0.0, 1.0), log_variance=st.floats(0.0, 4.0))
    def test_equal_correlations_are_always_possible(self, correlation: float, log_variance: float) -> None:
        assert Correlation(correlation, correlation).of_moves(log_variance) <= 1.0

    @pytest.mark.parametrize(("returns", "volatilities"), [(-0.1, 0.0), (1.1, 0.0), (0.5, 2.0), (float("nan"), 0.5)])
    def test_is_from_0_to_1(self, returns: float, volatilities: float) -> None:
        with pytest.raises(ValueError, match="must be from 0 to 1"):
            Correlation(returns, volatilities)

    def test_one_that_is_not_possible_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"at most 0\.81 is possible"):
            candles("X", Correlation(0.95, 0.0))


class TestStream:
    def test_a_shorter_run_is_the_beginning_of_a_longer_one(self) -> None:
        correlation = Correlation(0.6, 0.8)
        for minutes in (1, 1_440, 1_441, 2_900):
            assert candles("X", correlation, minutes) == candles("X", correlation)[:minutes]

    def test_the_same_seed_is_the_same_market(self) -> None:
        correlation = Correlation(0.6, 0.8)
        assert candles("X", correlation) == candles("X", correlation)
        assert candles("X", correlation) != candles("X", correlation, seed=2)


@given(seed=st.integers(0, 2**70), correlation=st.floats(0.05, 0.95))
def test_draws_are_standard_normal_with_the_correlation(seed: int, correlation: float) -> None:
    """Bounds of six standard errors of 20 000 numbers."""
    one, other = (Draws(symbol, seed, Correlation(correlation, correlation), 0.0) for symbol in ("X", "Y"))
    for method, size in (("moves", (20_000,)), ("volatilities", 20_000)):
        x, y = getattr(one, method)(size), getattr(other, method)(size)
        assert abs(np.mean(x)) < 6 / 20_000**0.5
        assert np.var(x) == pytest.approx(1.0, abs=6 * (2 / 20_000) ** 0.5)
        assert correlated(x, y) == pytest.approx(correlation, abs=6 / 20_000**0.5)


def correlated(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def without_rhythm(log_variance: Floats) -> Floats:
    """Return the log variance less its mean at each hour, at weekends and on other days."""
    minute = np.arange(log_variance.size)
    weekend = (minute // DAY_MINUTES) % 7 >= 5
    for part in (weekend, ~weekend):
        for hour in range(24):
            chosen = part & (minute % DAY_MINUTES // 60 == hour)
            log_variance = np.where(chosen, log_variance - log_variance[chosen].mean(), log_variance)
    return log_variance
