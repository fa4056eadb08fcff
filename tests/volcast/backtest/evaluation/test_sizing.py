"""Positions agree with a plain loop that keeps coins and cash; the target is met by a forecaster that knows the volatility."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volcast.backtest.evaluation.sizing import SizedPosition, SizedPositions, SizingRules, outcome_of, positions
from volcast.core.arrays import Floats

HOUR = 3.0e-5
"""Variance of an hour's returns: about half a per cent, 51 % a year."""


def stream(hours: int, seed: int = 1) -> tuple[np.ndarray, Floats, Floats]:
    """Return open times, closes and the true variance of the next hour, for each minute; the price moves once an hour."""
    rng = np.random.default_rng(seed)
    variance = HOUR * np.exp(0.8 * np.sin(np.arange(hours + 1) / 200.0))
    close = 100.0 * np.exp(np.cumsum(np.sqrt(variance[:-1]) * rng.standard_normal(hours)))
    return 60_000 * np.arange(hours * 60, dtype=np.int64), np.repeat(close, 60), np.repeat(variance[1:], 60)


def run(hours: int, rules: SizingRules, *, wrong: float = 1.0) -> SizedPositions:
    times, close, variance = stream(hours)
    return positions(times, close, {"model": wrong * variance}, horizon_minutes=60, first=0, rules=rules)


def named(found: SizedPositions, name: str) -> SizedPosition:
    return next(each for each in (*found.models, *found.constants) if each.name == name)


@given(
    st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(-0.1, 0.1)), min_size=2, max_size=30),
    st.sampled_from([0.0, 10.0, 100.0]),
    st.sampled_from([0.0, 0.1, 0.5]),
)
def test_growth_agrees_with_coins_and_cash(steps: list[tuple[float, float]], cost_bp: float, no_trade: float) -> None:
    size = np.array([each for each, _ in steps])
    close: Floats = 100.0 * np.cumprod(np.array([1.0 + move for _, move in steps]))
    found = outcome_of(size, close, SizingRules(cost_bp=cost_bp, no_trade=no_trade))
    equity, cash, coins = 1.0, 1.0, 0.0
    for i, price in enumerate(close):
        before, equity = equity, cash + coins * price
        if i:
            assert found.growth[i - 1] == pytest.approx(equity / before, rel=1e-9)
        if i < len(found.growth):
            have = coins * price / equity
            if found.traded[i]:
                share = abs(size[i] - have)
                assert share >= no_trade * size[i] - 1e-9
                assert found.traded[i] == pytest.approx(share, abs=1e-9)
                left = 1.0 - cost_bp / 1e4 * share
                cash, coins = equity * (1.0 - size[i]) * left, size[i] * equity / price * left
            else:
                assert abs(size[i] - have) <= no_trade * size[i] + 1e-9
            assert found.held[i] == pytest.approx(coins * price / (cash + coins * price), abs=1e-9)


def test_a_forecaster_that_knows_the_volatility_meets_the_target() -> None:
    found = run(6_000, SizingRules(target_volatility=0.4, max_size=5.0, cost_bp=0.0, no_trade=0.0))
    model, held = named(found, "model"), named(found, "fixed 1")
    assert model.volatility == pytest.approx(0.4, rel=0.03)
    assert model.volatility_lowest is not None
    assert model.volatility_highest is not None
    assert held.volatility_lowest is not None
    assert held.volatility_highest is not None
    assert model.volatility_highest / model.volatility_lowest < 1.5
    assert held.volatility_highest / held.volatility_lowest > 1.8
    assert model.share_at_max == 0.0


def test_a_forecast_of_twice_the_volatility_gives_half_the_target() -> None:
    found = run(3_000, SizingRules(target_volatility=0.4, max_size=5.0, cost_bp=0.0, no_trade=0.0), wrong=4.0)
    assert named(found, "model").volatility == pytest.approx(0.2, rel=0.05)


def test_the_limit_and_the_costs() -> None:
    free, dear = (
        named(run(1_000, SizingRules(target_volatility=0.6, max_size=1.0, cost_bp=bp, no_trade=0.0)), "model")
        for bp in (0.0, 20.0)
    )
    assert free.mean_size is not None
    assert free.mean_size < 1.0
    assert free.share_at_max is not None
    assert 0.1 < free.share_at_max < 0.9
    assert free.cost == 0.0
    assert dear.turnover is not None
    assert dear.cost == pytest.approx(0.002 * dear.turnover)
    assert dear.total_return is not None
    assert free.total_return is not None
    assert dear.total_return < free.total_return


def test_a_constant_size_of_one_is_the_market() -> None:
    found = run(500, SizingRules(cost_bp=0.0))
    _, close, _ = stream(500)
    at = np.arange(59, 500 * 60, 60)
    held = named(found, "fixed 1")
    assert held.total_return == pytest.approx(close[at[-1]] / close[at[0]] - 1.0)
    assert held.turnover == pytest.approx(24 * 365 / 499, rel=1e-6), "the first purchase alone"
    assert held.annual_return is None, "three weeks say nothing of a year"


def test_the_size_by_the_past_uses_only_the_past() -> None:
    rules = SizingRules(target_volatility=0.3, no_trade=0.0)
    times, close, variance = stream(1_000)
    first = 30_000

    def size(of: Floats) -> float | None:
        found = positions(times, of, {"model": variance}, horizon_minutes=60, first=first, rules=rules)
        return named(found, "fixed past").mean_size

    changed = close.copy()
    changed[first:] *= np.linspace(1.0, 3.0, changed.size - first)
    assert size(close) == size(changed)
    at = np.arange(59, first, 60)
    returns = np.diff(close[at]) / close[at[:-1]]
    assert size(close) == pytest.approx(0.3 / (returns.std() * np.sqrt(24 * 365)))


def test_nothing_depends_on_what_comes_later() -> None:
    times, close, variance = stream(400)
    cut = 200 * 60
    other_close, other_variance = close.copy(), variance.copy()
    other_close[cut:] *= np.linspace(1.0, 0.2, close.size - cut)
    other_variance[cut:] *= 7.0
    equities = []
    for each, forecast in ((close, variance), (other_close, other_variance)):
        found = positions(times, each, {"model": forecast}, horizon_minutes=60, first=0, rules=SizingRules())
        equities.append([named(found, name).equity[:200] for name in ("model", "fixed 1")])
    assert equities[0] == equities[1]


def test_a_loss_of_everything_is_final() -> None:
    found = outcome_of(np.full(4, 2.0), np.array([100.0, 40.0, 80.0, 90.0]), SizingRules(no_trade=0.0))
    assert found.growth.tolist() == [0.0, 0.0, 0.0]
    assert found.traded.tolist() == [2.0, 0.0, 0.0]


def test_a_band_without_trades_lowers_the_costs_and_hardly_changes_the_volatility() -> None:
    often, rarely = (named(run(3_000, SizingRules(no_trade=band)), "model") for band in (0.0, 0.2))
    assert often.turnover is not None
    assert rarely.turnover is not None
    assert often.volatility is not None
    assert rarely.turnover < 0.6 * often.turnover
    assert rarely.volatility == pytest.approx(often.volatility, rel=0.1)
    assert often.trades == 1.0
    assert rarely.trades is not None
    assert rarely.trades < 0.05


def test_a_gap_is_held_through() -> None:
    """An hour is missing: the position of the hour before earns the move of both."""
    minutes = np.concatenate((np.arange(60), np.arange(120, 240)))
    close = np.where(minutes < 120, 100.0, 110.0)
    found = positions(minutes * 60_000, close, {}, horizon_minutes=60, first=0, rules=SizingRules(cost_bp=0.0))
    assert named(found, "fixed 1").total_return == pytest.approx(0.1)


def test_where_there_is_no_forecast_the_size_stays() -> None:
    times, close, variance = stream(200)
    variance[: 60 * 50] = np.nan
    variance[60 * 100 :] = np.inf
    found = positions(times, close, {"model": variance}, horizon_minutes=60, first=0, rules=SizingRules(target_volatility=0.1))
    size = named(found, "model").mean_size
    assert size is not None
    assert 0.0 < size < 0.3


@pytest.mark.parametrize("hours", [0, 1, 2, 3])
def test_few_candles_give_no_volatility(hours: int) -> None:
    for each in (found := run(hours, SizingRules())).models + found.constants:
        assert (each.volatility, each.turnover) == (None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [("target_volatility", 0.0), ("max_size", -1.0), ("cost_bp", -0.1), ("cost_bp", np.nan), ("no_trade", -0.1)],
)
def test_rules_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        SizingRules(**{field: value})
