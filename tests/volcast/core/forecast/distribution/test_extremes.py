"""Running extremes against windows by hand, for several horizons, and their state."""

import numpy as np
import pytest

from volcast.core.forecast.distribution.extremes import RunningExtremes
from volcast.core.models.sampling import sample_minutes


@pytest.mark.parametrize("horizon", [5, 7, 15, 60, 240, 1_440])
def test_they_are_those_of_the_horizon_that_follows(horizon: int) -> None:
    every = sample_minutes(horizon)
    prices = np.exp(np.random.default_rng(3).normal(0.0, 1e-3, 3 * horizon).cumsum())
    extremes, found = RunningExtremes(horizon // every + 1, every), 0
    for minute, price in enumerate(prices.tolist()):
        extremes.push(price * 1.001, price * 0.999)
        made = minute - horizon
        since = extremes.since(made)
        if made >= 0 and made % every == every - 1:
            window = prices[made + 1 : minute + 1]
            assert since == pytest.approx((window.max() * 1.001, window.min() * 0.999))
            found += 1
        elif made >= 0:
            assert since is None
        if minute % every == every - 1:
            extremes.start(minute)
    assert found > horizon // every


def test_they_are_restored_and_cleared() -> None:
    extremes, again = RunningExtremes(3, 5), RunningExtremes(3, 5)
    extremes.start(4)
    extremes.push(2.0, 1.0)
    again.load(extremes.dump())
    assert again.since(4) == (2.0, 1.0)
    assert again.dump() == extremes.dump()
    again.clear()
    assert again.since(4) is None
    with pytest.raises(ValueError, match="reshape"):
        RunningExtremes(4, 5).load(extremes.dump())
