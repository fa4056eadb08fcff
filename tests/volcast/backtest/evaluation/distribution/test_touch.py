"""Probabilities of touched prices: Brier score and reliability, and the distances that are asked about."""

import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, truth_of
from volcast.backtest.evaluation.distribution.touch import (
    ENOUGH_OF_A_BIN,
    MIN_KNOWN,
    reliability,
    score_touches,
    usual_volatility,
)

N = 20_000
RNG = np.random.default_rng(1)
PROBABILITY = RNG.beta(1.0, 2.0, N)
TOUCHED = RNG.random(N) < PROBABILITY


def test_brier_score_and_skill_by_hand() -> None:
    """0.04, 0.09 and 0.81 are also what scoringrules 0.10 and properscoring 0.1 give."""
    found = score_touches("up", 1.0, np.array([0.8, 0.3, 0.1]), np.array([True, False, True]))
    assert found.brier == pytest.approx((0.04 + 0.09 + 0.81) / 3)
    assert found.touched == pytest.approx(2 / 3)
    assert found.skill == pytest.approx(1.0 - (0.94 / 3) / (2 / 9))
    assert (found.largest_gap, found.largest_z) == (None, None), "no bin has enough outcomes"
    assert found.bins[0].z == pytest.approx(0.9 / np.sqrt(0.1 * 0.9))
    assert [(each.outcomes, each.forecast, each.touched) for each in found.bins] == [(1, 0.1, 1.0), (1, 0.3, 0.0), (1, 0.8, 1.0)]


def test_a_right_forecast_has_skill_and_is_reliable() -> None:
    found = score_touches("down", 0.5, PROBABILITY, TOUCHED)
    assert found.skill is not None
    assert found.largest_gap is not None
    assert found.skill > 0.15
    assert found.largest_gap < 0.05
    assert sum(each.outcomes for each in found.bins) == N
    for each in found.bins:
        assert each.z is not None
        assert abs(each.z) < 4.0
    assert found.largest_z is not None
    assert found.largest_z < 4.0


def test_a_wrong_forecast_shows_in_the_gap_and_the_skill() -> None:
    right = score_touches("up", 1.0, PROBABILITY, TOUCHED)
    bold = score_touches("up", 1.0, np.clip(PROBABILITY + 0.15, 0.0, 1.0), TOUCHED)
    share = score_touches("up", 1.0, np.full(N, TOUCHED.mean()), TOUCHED)
    assert bold.largest_gap is not None
    assert bold.largest_gap > 0.1
    assert bold.largest_z is not None
    assert bold.largest_z > 5.0
    assert bold.brier is not None
    assert right.brier is not None
    assert bold.brier > right.brier
    assert share.skill == pytest.approx(0.0, abs=1e-12), "who always says the share of all outcomes has no skill"


def test_the_ends_belong_to_bins_and_small_bins_are_not_judged() -> None:
    probability = np.concatenate([np.zeros(ENOUGH_OF_A_BIN), np.ones(ENOUGH_OF_A_BIN - 1)])
    bins = reliability(probability, np.zeros(probability.size, np.bool_))
    assert [each.outcomes for each in bins] == [ENOUGH_OF_A_BIN, ENOUGH_OF_A_BIN - 1]
    assert score_touches("up", 1.0, probability, np.zeros(probability.size, np.bool_)).largest_gap == 0.0


@pytest.mark.parametrize("touched", [True, False])
def test_where_all_outcomes_are_alike_there_is_no_skill_to_speak_of(touched: bool) -> None:  # noqa: FBT001
    assert score_touches("up", 2.0, np.full(9, 0.4), np.full(9, touched)).skill is None
    assert score_touches("up", 2.0, np.zeros(0), np.zeros(0, np.bool_)).brier is None


def test_the_usual_volatility_by_a_plain_loop_and_without_the_future() -> None:
    truth, _ = truth_of(10 * DAY)
    at = np.arange(59, 10 * DAY, 60)
    found = usual_volatility(truth, at)
    for value, place in zip(found.tolist(), at.tolist(), strict=True):
        past = [truth.realized_variance[i] for i in range(59, place, 60) if i + 60 <= place]
        expected = np.sqrt(np.mean(past)) if len(past) >= MIN_KNOWN else np.nan
        assert value == pytest.approx(expected, nan_ok=True)
