"""Momentum: what it measures, and that skewing is exactly undone, keeps the order, and has the sign that markets show."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.minutes import START
from volcast.core.forecast.distribution.momentum import MAX_MOMENTUM, Momentum, Skew
from volcast.core.forecast.distribution.tracker import SKEWS
from volcast.core.market.features import Features

RETURN = SKEWS[0]


@given(st.sampled_from(SKEWS), st.floats(-1e6, 1e6), st.floats(-MAX_MOMENTUM, MAX_MOMENTUM))
def test_what_was_skewed_is_undone(skew: Skew, quantile: float, momentum: float) -> None:
    skewed = quantile + momentum * float(skew.per_momentum(np.array(quantile)))
    assert skew.undo(skewed, momentum) == pytest.approx(quantile, rel=1e-6, abs=1e-9)


@given(st.sampled_from(SKEWS), st.lists(st.floats(-50, 50), min_size=2).map(sorted), st.floats(-MAX_MOMENTUM, MAX_MOMENTUM))
def test_skewing_keeps_the_order(skew: Skew, quantiles: list[float], momentum: float) -> None:
    values = np.array(quantiles)
    assert (np.diff(values + momentum * skew.per_momentum(values)) >= -1e-9).all()


@pytest.mark.parametrize("skew", SKEWS[1:3])
def test_extremes_stay_on_their_side_of_the_close(skew: Skew) -> None:
    values = np.linspace(0.0, 40.0, 4_001)
    for momentum in (-MAX_MOMENTUM, MAX_MOMENTUM):
        assert (values + momentum * skew.per_momentum(values) >= 0).all()


def test_after_a_fall_the_lower_tail_is_longer_and_the_middle_higher() -> None:
    values = np.array([-3.0, 0.0, 3.0])
    lower, middle, upper = values - RETURN.per_momentum(values)
    assert lower < -3.0
    assert middle > 0.0
    assert 0.0 < upper < 3.0


@pytest.mark.parametrize("horizon", [5, 15, 60, 240, 1_440])
@pytest.mark.parametrize("sign", [-1, 1])
def test_momentum_has_the_sign_of_the_move_and_is_bounded(horizon: int, sign: int) -> None:
    features, momentum = Features(), Momentum(horizon)
    assert momentum.after(features, 0.01) == 0.0
    price, found = 100.0, []
    for i in range(600):
        before, price = price, price * (1 + 2e-4 * sign)
        candle = (before, max(before, price), min(before, price), price, 1e4)
        features.push(START + i, candle, log(price / before) if i else None)
        found.append(momentum.after(features, 2e-4 * horizon))
    assert found[0] == 0.0
    assert all(0 < sign * one <= MAX_MOMENTUM for one in found[1:])
