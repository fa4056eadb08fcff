"""A market keeps what all models see: the baseline by its definition, the state made once, the windows only where asked for."""

from math import sqrt

import msgspec
import numpy as np
import pytest

from tests.minutes import minutes
from volcast.core.market.features import PRIOR_VARIANCE, VARIANCE_FLOOR, Features
from volcast.core.market.indicators import Indicators
from volcast.core.market.noise import NoiseRatio
from volcast.core.market.realized_variance import RealizedVariances
from volcast.core.market.state import EWMA_LAMBDA, Market
from volcast.core.models import NEED_VARIANCES

GAPS = ((150, 160),)


def test_the_baseline_begins_as_a_mean_with_the_prior_and_goes_on_with_its_lambda() -> None:
    market = Market()
    expected, returns = PRIOR_VARIANCE, 0
    assert market.ewma == PRIOR_VARIANCE
    for row in minutes(600, gaps=GAPS):
        market.push(*row)
        if row.log_return is not None:
            returns += 1
            expected += max(1 - EWMA_LAMBDA, 1 / (10 + returns)) * (row.log_return**2 - expected)
        assert market.ewma == pytest.approx(expected, rel=1e-12)


def test_the_baseline_of_a_price_that_stands_still_is_the_floor() -> None:
    market = Market()
    for minute in range(6_000):
        market.push(minute, (1.0, 1.0, 1.0, 1.0, 0.0), 0.0 if minute else None)
    assert market.ewma == VARIANCE_FLOOR


def test_all_parts_see_all_minutes() -> None:
    market, features, windows, variances = Market(variances=True), Features(), Indicators(), RealizedVariances()
    noise = NoiseRatio()
    for row in minutes(500, gaps=GAPS):
        market.push(*row)
        features.push(*row)
        windows.push(row.minute, row.candle[1], row.candle[2], row.candle[4], row.log_return)
        noise.push(row.log_return)
        if row.log_return is not None:
            variances.push(row.log_return**2)
        assert (market.minute, market.log_price) == (row.minute, features.log_price)
    assert market.variances is not None
    assert market.variances.dump() == variances.dump()
    assert market.windows.dump() == windows.dump()
    assert market.features.dump() == features.dump()
    assert market.noise.dump() == noise.dump()


def test_the_state_is_that_of_the_last_candle() -> None:
    market, features = Market(), Features()
    with pytest.raises(ValueError, match="no candle"):
        _ = market.state
    for row in minutes(30):
        market.push(*row)
        features.push(*row)
        np.testing.assert_array_equal(market.state.vector, features.state().vector)
        assert market.state is market.state


def test_variances_are_kept_only_where_a_model_asks() -> None:
    assert Market().variances is None
    assert {"har", "har_diurnal"} == NEED_VARIANCES


@pytest.mark.parametrize("variances", [True, False])
@pytest.mark.parametrize("count", [0, 1, 400])
def test_it_comes_back_to_the_last_bit(count: int, variances: bool) -> None:  # noqa: FBT001  # both
    rows = minutes(count + 300, gaps=((count + 100, count + 120),))
    market, again = Market(variances=variances), Market(variances=variances)
    for row in rows[:count]:
        market.push(*row)
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(market.dump())))
    for row in rows[count:]:
        market.push(*row)
        again.push(*row)
        assert again.state.vector.tobytes() == market.state.vector.tobytes()
        assert again.ewma == market.ewma
    assert again.dump() == market.dump()


def test_a_state_without_the_windows_is_refused_where_they_are_needed() -> None:
    with pytest.raises(TypeError):
        Market(variances=True).load(Market().dump())


def test_noise_is_above_one_where_the_price_bounces() -> None:
    market = Market()
    for minute in range(1_000):
        price = 100.0 * (1.001 if minute % 2 else 1.0)
        market.push(minute, (price, price, price, price, 1.0), (-1) ** (minute + 1) * float(np.log(1.001)) if minute else None)
    assert market.noise.value == pytest.approx(sqrt(5))
