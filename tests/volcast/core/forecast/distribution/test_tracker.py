"""The tracked distribution: coverage by level, order and bounds for any outcomes, lag-free arithmetic, a start, and the state."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.minutes import START
from volcast.core.forecast.distribution.histograms import SHAPE_LEVELS
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS
from volcast.core.forecast.distribution.tracker import OUTCOMES, DistributionTracker, Realized, Scale
from volcast.core.market.state import Market
from volcast.core.models.contract import Estimate

ESTIMATE = Estimate(log(0.004), 0.25, 0.3, 0.75)
LOWEST, HIGHEST = log(1e-8), log(1e3)
NEUTRAL = Scale(0.004 * 0.75, 0.0, 0.0, 1.0)
FINITE = st.floats(-1e12, 1e12)


def learn(tracker: DistributionTracker, seed: int, count: int, scale: float = 1.0) -> np.ndarray:
    """Teach outcomes of heavy tails, independent of each other, and return them (count, 4): the last column is log RV."""
    rng = np.random.default_rng(seed)
    z = rng.standard_t(4, (count, 3))
    up, down = np.abs(z[:, 0]) * 0.004, -np.abs(z[:, 1]) * 0.004
    found = np.stack(
        (scale * z[:, 2] * 0.004, scale * up, scale * down, log(0.004) + 0.3 * scale * rng.gumbel(size=count)), axis=1
    )
    for i, (log_return, log_high, log_low, log_volatility) in enumerate(found.tolist()):
        tracker.learn(START + 9 + 10 * i, ESTIMATE, NEUTRAL, Realized(log_volatility, log_return, log_high, log_low))
    return found


def quantiles(tracker: DistributionTracker, scale: Scale = NEUTRAL, estimate: Estimate = ESTIMATE) -> np.ndarray:
    return np.array(tracker.quantiles(estimate, scale, LOWEST, HIGHEST))


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
def test_the_share_below_tends_to_each_level(scale: float) -> None:
    tracker = DistributionTracker(60, QUANTILE_LEVELS)
    learn(tracker, 1, 20_000, scale)
    made = quantiles(tracker)
    later = learn(DistributionTracker(60, QUANTILE_LEVELS), 2, 20_000, scale)
    later[:, 3] = np.exp(later[:, 3] + 0.0)
    levels = np.array(QUANTILE_LEVELS)
    for column, row in zip(later.T, made, strict=True):
        below = (column[:, np.newaxis] < row).mean(axis=0)
        np.testing.assert_allclose(below, levels, atol=0.02)
        np.testing.assert_allclose(below[[0, -1]], levels[[0, -1]], atol=0.004)


def test_the_share_below_follows_a_stream_that_changes() -> None:
    """After two half-lives of outcomes three times as large, three quarters of the weight are on these."""
    tracker = DistributionTracker(60, (0.05, 0.5, 0.95))
    learn(tracker, 1, 10_000)
    before = quantiles(tracker)[0, 2]
    learn(tracker, 2, 30_000, scale=3.0)
    assert quantiles(tracker)[0, 2] > 2.4 * before


@given(
    st.lists(st.tuples(FINITE, FINITE, FINITE, FINITE), max_size=30),
    st.floats(-2, 2),
    st.floats(-4, 4),
    st.builds(Estimate, st.floats(-18, 6), st.just(0.2), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)),
)
def test_quantiles_never_cross_and_extremes_keep_their_side(
    outcomes: list[tuple[float, ...]], momentum: float, shift: float, estimate: Estimate
) -> None:
    tracker = DistributionTracker(1_440, QUANTILE_LEVELS)
    scale = Scale(exp(estimate.log_median) * 0.75 * (estimate.spread / 0.75) ** 0.25, momentum, shift, 1.0)
    for i, outcome in enumerate(outcomes):
        tracker.learn(START + 241 * i, estimate, scale, Realized(*outcome))
    log_return, log_high, log_low, volatility = found = quantiles(tracker, scale, estimate)
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=1) >= 0).all()
    assert (log_high >= 0).all()
    assert (log_low <= 0).all()
    assert (volatility > 0).all()
    assert (np.abs(log_return) <= 62).all()


def test_more_levels_change_no_quantile_and_any_level_lies_between() -> None:
    few, many = DistributionTracker(60, (0.05, 0.95)), DistributionTracker(60, (0.03, 0.05, 0.2, 0.93, 0.95, 0.96))
    for tracker in (few, many):
        learn(tracker, 3, 3_000)
    np.testing.assert_array_equal(quantiles(few), quantiles(many)[:, [1, 4]])
    assert (np.diff(quantiles(many), axis=1) > 0).all()


def test_quantiles_scale_with_the_estimate() -> None:
    tracker = DistributionTracker(60, (0.1, 0.5, 0.9))
    learn(tracker, 4, 3_000)
    doubled = ESTIMATE._replace(log_median=ESTIMATE.log_median + log(2))
    twice = tracker_scale(tracker, 0, doubled)
    np.testing.assert_allclose(quantiles(tracker, twice, doubled), 2 * quantiles(tracker, tracker_scale(tracker, 0)))
    wider = quantiles(tracker, estimate=ESTIMATE._replace(scale=0.6))[3] / 0.004
    np.testing.assert_allclose(np.log(wider), 2 * np.log(quantiles(tracker)[3] / 0.004))


def test_the_usual_error_at_a_time_of_day_moves_the_whole_distribution() -> None:
    """Every night at 00:00 UTC volatility is twice what the model estimates."""
    tracker = DistributionTracker(60, (0.05, 0.5, 0.95))
    rng = np.random.default_rng(5)
    for i in range(144 * 60):
        minute = START + 9 + 10 * i
        log_volatility = log(0.008 if minute % 1_440 == 1_439 else 0.004) + 0.05 * rng.standard_normal()
        scale = tracker_scale(tracker, minute)
        tracker.learn(minute, ESTIMATE, scale, Realized(log_volatility, 0.0, 0.001, -0.001))
    midnight, noon = (quantiles(tracker, tracker_scale(tracker, minute))[:, 1] for minute in (1_439, 719))
    assert 1.4 < midnight[3] / noon[3] < 2.0
    np.testing.assert_allclose(midnight[:3], noon[:3] * midnight[3] / noon[3])


def tracker_scale(tracker: DistributionTracker, minute: int, estimate: Estimate = ESTIMATE) -> Scale:
    """Return the scale of a market that has not moved."""
    market = Market()
    market.push(minute, (100.0, 100.0, 100.0, 100.0, 0.0), None)
    return tracker.scale(market, estimate)


def test_it_starts_from_what_another_has_learned() -> None:
    teacher = DistributionTracker(60, QUANTILE_LEVELS)
    learn(teacher, 6, 20_000)
    learned = teacher.learned()
    assert {family: len(values) for family, values in learned.items()} == dict.fromkeys(OUTCOMES, len(SHAPE_LEVELS))
    again = DistributionTracker(60, QUANTILE_LEVELS, learned)
    inner = slice(2, -2)
    np.testing.assert_allclose(quantiles(again)[:, inner], quantiles(teacher)[:, inner], rtol=0.08, atol=5e-5)
    assert quantiles(DistributionTracker(60, (0.5,)))[0, 0] == pytest.approx(0.0, abs=1e-5)


def test_a_prior_without_a_family_is_refused() -> None:
    with pytest.raises(KeyError, match="log_high"):
        DistributionTracker(60, (0.5,), {"log_return": [0.0] * len(SHAPE_LEVELS)})


def test_the_state_is_restored_to_the_bit_at_any_sample() -> None:
    for count in (0, 1, 5, 6, 7):
        tracker, again = DistributionTracker(60, QUANTILE_LEVELS), DistributionTracker(60, QUANTILE_LEVELS)
        learn(tracker, 7, count)
        again.load(tracker.dump())
        assert again.dump() == tracker.dump()
        for one in (tracker, again):
            learn(one, 8, 20)
        np.testing.assert_array_equal(quantiles(again), quantiles(tracker))


def test_the_state_of_other_levels_is_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        DistributionTracker(60, (0.1, 0.9)).load(DistributionTracker(60, (0.5,)).dump())


def test_momentum_skews_the_return() -> None:
    tracker = DistributionTracker(60, (0.005, 0.5, 0.995))
    fallen, risen = (quantiles(tracker, NEUTRAL._replace(momentum=momentum))[0] for momentum in (-1.0, 1.0))
    assert fallen[0] < risen[0]
    assert fallen[2] < risen[2]
    assert fallen[1] > 0 > risen[1]
    assert exp(fallen[0]) > 0
