"""A market: the baseline by its definition, features computed once per candle, realized variances on request."""

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


def test_the_baseline_is_a_mean_with_a_prior_until_its_lambda_takes_over() -> None:
    market = Market()
    expected, returns = PRIOR_VARIANCE, 0
    assert market.ewma == PRIOR_VARIANCE
    for row in minutes(600, gaps=GAPS):
        market.push(*row)
        if row.log_return is not None:
            returns += 1
            expected += max(1 - EWMA_LAMBDA, 1 / (10 + returns)) * (row.log_return**2 - expected)
        assert market.ewma == pytest.approx(expected, rel=1e-12)


def test_the_baseline_of_a_constant_price_is_the_smallest_variance() -> None:
    market = Market()
    for minute in range(6_000):
        market.push(minute, (1.0, 1.0, 1.0, 1.0, 0.0), 0.0 if minute else None)
    assert market.ewma == VARIANCE_FLOOR


def test_all_parts_see_all_minutes() -> None:
    market, features, indicators, variances = Market(variances=True), Features(), Indicators(), RealizedVariances()
    noise = NoiseRatio()
    for row in minutes(500, gaps=GAPS):
        market.push(*row)
        features.push(*row)
        indicators.push(row.minute, row.candle[1], row.candle[2], row.candle[4], row.log_return)
        noise.push(row.log_return)
        if row.log_return is not None:
            variances.push(row.log_return**2)
        assert (market.minute, market.log_price) == (row.minute, features.log_price)
    assert market.variances is not None
    assert market.variances.dump() == variances.dump()
    assert market.indicators.dump() == indicators.dump()
    assert market.features.dump() == features.dump()
    assert market.noise.dump() == noise.dump()


def test_the_state_is_that_of_the_last_candle() -> None:
    market, features = Market(), Features()
    with pytest.raises(ValueError, match="no candle"):
        _ = market.state
    for row in minutes(30):
        market.push(*row)
        features.push(*row)
        assert market.state.vector == features.state().vector
        assert market.state is market.state


def test_realized_variances_are_kept_only_on_request() -> None:
    assert Market().variances is None
    assert {"har", "har_diurnal"} == NEED_VARIANCES


@pytest.mark.parametrize("variances", [True, False])
@pytest.mark.parametrize("count", [0, 1, 400])
def test_a_dump_restores_the_state_to_the_last_bit(count: int, variances: bool) -> None:  # noqa: FBT001  # both
    rows = minutes(count + 300, gaps=((count + 100, count + 120),))
    market, again = Market(variances=variances), Market(variances=variances)
    for row in rows[:count]:
        market.push(*row)
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(market.dump())))
    for row in rows[count:]:
        market.push(*row)
        again.push(*row)
        assert again.state.vector == market.state.vector
        assert again.ewma == market.ewma
    assert again.dump() == market.dump()


def test_a_state_without_realized_variances_is_refused_by_a_market_that_keeps_them() -> None:
    with pytest.raises(TypeError):
        Market(variances=True).load(Market().dump())


def test_noise_is_above_one_where_the_price_bounces() -> None:
    market = Market()
    for minute in range(1_000):
        price = 100.0 * (1.001 if minute % 2 else 1.0)
        market.push(minute, (price, price, price, price, 1.0), (-1) ** (minute + 1) * float(np.log(1.001)) if minute else None)
    assert market.noise.value == pytest.approx(sqrt(5))
