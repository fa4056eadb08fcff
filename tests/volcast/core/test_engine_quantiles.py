"""The quantiles of an engine's signals: from the first candle on, at any levels, beside gaps and bad ticks, in every model."""

from itertools import pairwise
from math import exp

import pytest
from msgspec.structs import replace

from tests.market import DECIMALS, SYMBOL, candle, walk
from volcast.core.engine import Engine
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS, Quantiles
from volcast.core.types import Candle, EngineConfig, Signal


def signals(candles: list[Candle], config: EngineConfig) -> list[Signal]:
    engine = Engine(SYMBOL, config, DECIMALS)
    return [signal for signal in map(engine.step, candles) if isinstance(signal, Signal)]


def families(quantiles: Quantiles) -> tuple[tuple[float, ...], ...]:
    return quantiles.log_return, quantiles.log_high, quantiles.log_low, quantiles.realized_volatility


@pytest.mark.parametrize("prior", ["bundled", "none"])
@pytest.mark.parametrize("model", ["two_stage", "har", "last"])
def test_they_never_cross_and_extremes_keep_their_side_from_the_first_candle_on(model: str, prior: str) -> None:
    minutes = [*range(400), *range(430, 900)]
    for signal in signals(walk(minutes, seed=3), EngineConfig(horizons=(60, 15), model=model, prior=prior)):
        for quantiles in (signal.quantiles, signal.other_horizons[0].quantiles):
            assert quantiles.levels == QUANTILE_LEVELS
            assert all(before <= after for family in families(quantiles) for before, after in pairwise(family))
            assert quantiles.log_high[0] >= 0 >= quantiles.log_low[-1]
            assert quantiles.realized_volatility[0] > 0


def test_the_first_forecast_is_sane() -> None:
    """With no data but one candle, an hour moves by some tenths of a percent, and by some percent at the worst."""
    quantiles = signals(walk(1), EngineConfig())[0].quantiles
    middle, outer = quantiles.levels.index(0.75), -1
    for family in (quantiles.log_return, quantiles.log_high):
        assert 0.001 < family[middle] < 0.01 < family[outer] < 0.08
    assert -0.08 < quantiles.log_low[0] < -0.01


@pytest.mark.parametrize("level", [0.5, 0.73, 0.9, 0.99])
def test_the_bounds_are_quantiles_at_any_level(level: float) -> None:
    low, high = round(0.5 - level / 2, 12), round(0.5 + level / 2, 12)
    bounds = EngineConfig(interval_level=level, quantile_levels=(0.2, 0.6))
    same = EngineConfig(interval_level=level, quantile_levels=tuple(sorted({low, 0.5, high})))
    candles = walk(300)
    for one, other in zip(signals(candles, bounds), signals(candles, same), strict=True):
        assert one.quantiles.levels == (0.2, 0.6)
        volatility, move = other.quantiles.realized_volatility, other.quantiles.log_return
        assert (one.volatility_lower, one.volatility_median, one.volatility_upper) == volatility
        close = candles[one.candles - 1].close
        assert (one.price_lower, one.price_upper) == (close * exp(min(move[0], 0.0)), close * exp(max(move[-1], 0.0)))


def learned_samples(candles: list[Candle]) -> tuple[int, float]:
    """Return how many samples the distribution of 15 minutes has learned, and the weight of its highest bin of highs."""
    engine = Engine(SYMBOL, EngineConfig(horizons=(15,)), DECIMALS)
    for one in candles:
        engine.step(one)
    state = engine.dump()["forecaster"]["learners"]["two_stage"]["15"]["distribution"]
    highest = engine.forecaster.main._distribution._histograms.counts[1][-1]
    return state["learned"], highest


def test_a_window_with_a_gap_is_not_learned() -> None:
    whole, _ = learned_samples(walk(300))
    broken, _ = learned_samples(walk([*range(150), *range(151, 301)]))
    assert whole == (300 - 15) // 5
    assert whole - broken == 3  # samples that were pending


def test_a_bad_tick_is_no_high() -> None:
    candles = walk(300)
    tick = replace(candles[150], high=candles[150].close * 3)
    (_, clean), (samples, ticked) = (learned_samples(each) for each in (candles, [*candles[:150], tick, *candles[151:]]))
    assert samples == (300 - 15) // 5
    assert ticked == pytest.approx(clean, abs=1e-6)


def test_a_constant_price_is_not_learned_from_and_breaks_nothing() -> None:
    still = [candle(minute, "42000.00") for minute in range(400)]
    last = signals(still, EngineConfig())[-1].quantiles
    assert all(before <= after for family in families(last) for before, after in pairwise(family))
    assert learned_samples(still)[0] == 0
