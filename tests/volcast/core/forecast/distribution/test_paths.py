"""Scenario paths: their agreement with the forecast's quantiles and with the minute profile, their form, and what is refused."""

from math import sqrt

import msgspec
import numpy as np
import pytest

from tests.market_quantiles import mixture_quantiles
from volcast.core.arrays import Floats
from volcast.core.forecast.distribution.paths import MAX_CANDLES, Paths, draw_paths
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS, Quantiles

CLOSE = 42_000.0
HOUR = np.full(60, 1 / 60)
REAL = Quantiles(
    QUANTILE_LEVELS,
    (-0.0132, -0.0101, -0.0071, -0.0053, -0.0034, -0.0018, 0.00005, 0.002, 0.0037, 0.0056, 0.0077, 0.0111, 0.0138),
    (0.0, 0.0, 0.0, 0.00007, 0.0003, 0.0009, 0.002, 0.0037, 0.0059, 0.008, 0.0105, 0.0145, 0.0181),
    (-0.0184, -0.0144, -0.0106, -0.0081, -0.0058, -0.0037, -0.0021, -0.0009, -0.0003, -0.00006, 0.0, 0.0, 0.0),
    (0.0019, 0.002, 0.0022, 0.0024, 0.0026, 0.003, 0.0035, 0.0043, 0.0055, 0.0068, 0.0084, 0.0113, 0.0141),
)
"""Quantiles as those of BTCUSDT: skewed, heavy, with a high that is sometimes the close itself."""


def outcomes(paths: Paths) -> dict[str, Floats]:
    return {
        "log_return": paths.log_return(),
        "log_high": np.log(paths.high.max(axis=1) / paths.close[:, 0]),
        "log_low": np.log(paths.low.min(axis=1) / paths.close[:, 0]),
        "realized_volatility": paths.realized_volatility(),
    }


@pytest.mark.parametrize("count", [1_000, 20_000])
@pytest.mark.parametrize("quantiles", [REAL, mixture_quantiles(), mixture_quantiles(log_std=0.2, steps=60)])
def test_paths_agree_with_the_quantiles(quantiles: Quantiles, count: int) -> None:
    """Within four standard errors of a share among `count`, and half a point for what the repeated adjustments leave."""
    paths = draw_paths(quantiles, CLOSE, HOUR, count, 7)
    for family, values in outcomes(paths).items():
        for level, quantile in zip(quantiles.levels, getattr(quantiles, family), strict=True):
            at_most, below = np.mean(values <= quantile + 1e-9), np.mean(values < quantile - 1e-9)
            tolerance = 4 * sqrt(level * (1 - level) / count) + 0.005
            assert below - tolerance <= level <= at_most + tolerance, (family, level)


@pytest.mark.parametrize("minutes", [5, 15, 240, 1_440])
def test_other_horizons(minutes: int) -> None:
    paths = draw_paths(REAL, CLOSE, np.ones(minutes), 400, 7)
    assert (paths.close.shape, paths.high.shape, paths.low.shape) == ((400, minutes + 1), (400, minutes), (400, minutes))
    for family, values in outcomes(paths).items():
        assert np.quantile(values, [0.1, 0.5, 0.9]) == pytest.approx(
            np.array(getattr(REAL, family))[[4, 6, 8]], rel=0.15, abs=0.0003
        ), family


def test_each_minute_is_a_candle() -> None:
    paths = draw_paths(REAL, CLOSE, HOUR, 2_000, 7)
    open_, close = paths.close[:, :-1], paths.close[:, 1:]
    assert (paths.close[:, 0] == CLOSE).all()
    assert (paths.high >= np.maximum(open_, close) * (1 - 1e-12)).all()
    assert (paths.low <= np.minimum(open_, close) * (1 + 1e-12)).all()
    assert (paths.low > 0).all()


def test_minutes_have_their_share_of_the_variance() -> None:
    """A quiet half hour, a busy one, and a minute with news."""
    shares = np.concatenate((np.full(30, 1.0), np.full(30, 3.0)))
    shares[40] = 60.0
    paths = draw_paths(mixture_quantiles(), CLOSE, shares, 20_000, 7)
    squares = (np.diff(np.log(paths.close), axis=1) ** 2).mean(axis=0)
    found, wanted = squares / squares.sum(), shares / shares.sum()
    for part in (slice(0, 30), slice(30, 40), slice(40, 41), slice(41, 60)):
        assert found[part].sum() == pytest.approx(wanted[part].sum(), rel=0.15)


def test_large_moves_are_volatile() -> None:
    found = outcomes(draw_paths(REAL, CLOSE, HOUR, 5_000, 7))
    ranks = {name: np.argsort(np.argsort(np.abs(values))) for name, values in found.items()}
    for family in ("log_return", "log_high", "log_low"):
        assert np.corrcoef(ranks[family], ranks["realized_volatility"])[0, 1] > 0.25


def test_volatility_is_clustered_and_minutes_have_heavy_tails() -> None:
    paths = draw_paths(REAL, CLOSE, HOUR, 5_000, 7)
    returns = np.diff(np.log(paths.close), axis=1) / paths.realized_volatility()[:, np.newaxis] * sqrt(60)
    assert 4.0 < (returns**4).mean() / (returns**2).mean() ** 2 < 7.0
    sizes = np.abs(returns) - np.abs(returns).mean(axis=1, keepdims=True)
    near, far = (sizes[:, 1:] * sizes[:, :-1]).mean(), (sizes[:, 40:] * sizes[:, :-40]).mean()
    assert near > far
    assert abs((returns[:, 1:] * returns[:, :-1]).mean()) < 0.2


def test_a_seed_gives_the_same_paths() -> None:
    one, same, other = (draw_paths(REAL, CLOSE, HOUR, 50, seed) for seed in (1, np.random.default_rng(1), 2))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert not (one.close == other.close).all()


def test_a_market_that_does_not_move() -> None:
    flat = Quantiles((0.1, 0.5, 0.9), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    for count in (1, 100):
        paths = draw_paths(flat, CLOSE, HOUR, count, 7)
        assert all(np.isfinite(each).all() for each in paths)
        assert paths.close == pytest.approx(np.full((count, 61), CLOSE), rel=1e-9)


def test_quantiles_that_contradict_each_other_give_finite_paths() -> None:
    """A return that needs more volatility than there is, beyond the highest high."""
    odd = Quantiles((0.1, 0.5, 0.9), (0.05, 0.1, 0.2), (0.001, 0.002, 0.003), (-0.003, -0.002, -0.001), (1e-4, 2e-4, 3e-4))
    paths = draw_paths(odd, CLOSE, HOUR, 500, 7)
    assert all(np.isfinite(each).all() for each in paths)
    assert np.quantile(paths.log_return(), 0.5) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("close", "shares", "count", "message"),
    [
        (0.0, HOUR, 10, "a close must be above 0"),
        (float("nan"), HOUR, 10, "a close must be above 0"),
        (CLOSE, np.zeros(60), 10, "each minute's share"),
        (CLOSE, np.array([]), 10, "each minute's share"),
        (CLOSE, np.array([1.0, np.nan]), 10, "each minute's share"),
        (CLOSE, HOUR, 0, "the number of paths must be from 1 to"),
        (CLOSE, HOUR, MAX_CANDLES, "the number of paths must be from 1 to"),
    ],
)
def test_wrong_arguments_are_refused(close: float, shares: Floats, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_paths(REAL, close, shares, count, 7)


@pytest.mark.parametrize("size", [0.8, 0.9, 1.1])
def test_a_market_that_reverses_or_trends_does_so_over_minutes(size: float) -> None:
    """If the return is smaller or larger than that of a random walk of its volatility, so are steps of 15 and 30 minutes."""
    walk = mixture_quantiles()
    quantiles = msgspec.structs.replace(
        walk,
        log_return=tuple(size * x for x in walk.log_return),
        log_high=tuple(size * x for x in walk.log_high),
        log_low=tuple(size * x for x in walk.log_low),
    )
    path = np.log(draw_paths(quantiles, CLOSE, HOUR, 5_000, 7).close)
    ratios = [(np.diff(path[:, ::step], axis=1) ** 2).mean() / step for step in (1, 15, 30, 60)]
    assert ratios == sorted(ratios, reverse=size < 1)
    assert ratios[-1] / ratios[0] == pytest.approx(size**2, rel=0.1)
