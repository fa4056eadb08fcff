"""Inputs of the textbook models against plain numpy, and what their regression learns."""

from math import log, pi, sqrt

import numpy as np
import pytest

from tests.minutes import DAY, Minute, minutes
from volcast.core.arrays import Floats
from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares
from volcast.core.market.clock import is_weekend
from volcast.core.market.features import PRIOR_VARIANCE, VARIANCE_FLOOR
from volcast.core.market.realized_variance import WINDOWS
from volcast.core.market.state import Market
from volcast.core.models.contract import Estimate
from volcast.core.models.design import DESIGN_NAMES, Design
from volcast.core.models.textbook import Ewma, Full, Har, HarDiurnal, Inputs, Last, Textbook

HORIZONS = pytest.mark.parametrize("horizon", [15, 60, 1_440])
INPUTS: tuple[Inputs, ...] = (Last(), Ewma(), Har(), HarDiurnal(), Full())


def market_after(rows: list[Minute]) -> Market:
    market = Market(variances=True)
    for row in rows:
        market.push(*row)
    return market


def values(inputs: Inputs, market: Market, horizon: int) -> tuple[float, dict[str, float]]:
    """Return the start, and the inputs by name."""
    start, *x = inputs.row(market, Design(horizon)).tolist()
    return start, dict(zip(inputs.names, x, strict=True))


def model(inputs: Inputs, horizon: int = 60) -> tuple[Textbook, RecursiveLeastSquares]:
    regression = RecursiveLeastSquares(inputs.names, max_error=2.0)
    return Textbook(horizon, inputs, regression), regression


@HORIZONS
@pytest.mark.parametrize("count", [1, 2, 40, 900, 1_700])
def test_last_starts_from_the_volatility_of_the_last_horizon(count: int, horizon: int) -> None:
    rows = minutes(count)
    returns = np.array([row.log_return for row in rows[1:]])[-horizon:]
    mean = float(np.mean(returns**2)) if len(returns) else PRIOR_VARIANCE
    start, x = values(Last(), market_after(rows), horizon)
    assert start == pytest.approx(0.5 * log(mean * horizon))
    assert x == {"one": 1.0}


@HORIZONS
def test_ewma_starts_from_the_baseline(horizon: int) -> None:
    market = market_after(minutes(700))
    start, x = values(Ewma(), market, horizon)
    assert start == pytest.approx(0.5 * log(market.ewma * horizon))
    assert x == {"one": 1.0}


@pytest.mark.parametrize("count", [1, 500, 2_000])
def test_har_has_the_log_ratios_of_four_windows_to_the_baseline(count: int) -> None:
    rows = minutes(count, gaps=((100, 130),))
    market = market_after(rows)
    returns = np.array([row.log_return for row in rows if row.log_return is not None])
    start, x = values(Har(), market, 60)
    assert start == pytest.approx(0.5 * log(60 * market.ewma))
    plain = {"one": 1.0, "level": 0.5 * log(market.ewma / PRIOR_VARIANCE)}
    for name, (bucket, buckets) in WINDOWS.items():
        seen = returns[max(len(returns) // bucket - buckets, 0) * bucket :] ** 2
        variance = (seen.sum() + max(10 - len(seen), 0) * PRIOR_VARIANCE) / max(len(seen), 10)
        plain[name] = 0.5 * log(variance / market.ewma)
    assert x == pytest.approx(plain)


def test_har_diurnal_adds_four_harmonics_and_the_weekend() -> None:
    for shift in (0, 5 * DAY + 333):
        rows = [row._replace(minute=row.minute + shift) for row in minutes(300)]
        market = market_after(rows)
        start, x = values(HarDiurnal(), market, 60)
        plain_start, plain = values(Har(), market, 60)
        day = 2 * pi * (rows[-1].minute % DAY) / DAY
        for k in (1, 2, 3, 4):
            plain |= {f"sin_{k}": float(np.sin(k * day)), f"cos_{k}": float(np.cos(k * day))}
        plain["weekend"] = float(is_weekend(rows[-1].minute))
        assert start == plain_start
        assert x == pytest.approx(plain)


def test_the_full_design_starts_from_its_level() -> None:
    market = market_after(minutes(300))
    start, x = values(Full(), market, 60)
    assert start == pytest.approx(market.state.level + 0.5 * log(60))
    assert x == dict(zip(DESIGN_NAMES, Design(60).row(market.minute, market.state).tolist(), strict=True))


def test_har_needs_the_windows_of_realized_variance() -> None:
    market = Market()
    market.push(*minutes(1)[0])
    with pytest.raises(ValueError, match="no windows of realized variance"):
        Har().row(market, Design(60))


@pytest.mark.parametrize("inputs", INPUTS, ids=lambda inputs: type(inputs).__name__)
def test_a_new_model_forecasts_its_start(inputs: Inputs) -> None:
    market = market_after(minutes(200))
    textbook, _ = model(inputs)
    row = textbook.row(market)
    estimate = textbook.estimate(row)
    assert len(row) == len(textbook.names) == 1 + len(inputs.names)
    assert estimate.log_median == row[0]
    assert min(estimate.scale, estimate.spread) > 0.0


def test_the_regression_learns_what_the_start_left_open() -> None:
    textbook, regression = model(HarDiurnal())
    plain = RecursiveLeastSquares(HarDiurnal.names, max_error=2.0)
    rng = np.random.default_rng(1)
    for _ in range(50):
        row: Floats = rng.normal(size=len(textbook.names))
        log_volatility = float(rng.normal())
        estimate = textbook.estimate(row)
        assert estimate.log_median == pytest.approx(row[0] + plain.predict_array(row[1:]))
        textbook.learn(row, Estimate(99.0, 0.0, 1.0, 1.0), log_volatility, 0.01)
        plain.learn_array(row[1:], log_volatility - row[0])
    np.testing.assert_array_equal(regression.coefficients, plain.coefficients)
    assert (regression.missing, regression.unknown) == (0, 0)


def test_a_constant_price_starts_at_the_floor() -> None:
    market = Market(variances=True)
    for minute in range(9_000):
        market.push(minute, (1.0, 1.0, 1.0, 1.0, 0.0), 0.0 if minute else None)
    floor = 0.5 * log(60 * VARIANCE_FLOOR)
    for inputs in (Last(), Ewma(), Har()):
        assert inputs.row(market, Design(60))[0] == pytest.approx(floor)
    assert sqrt(60 * VARIANCE_FLOOR) < 1e-5
