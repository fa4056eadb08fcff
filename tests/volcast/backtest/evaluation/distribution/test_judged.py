"""All scores of the champion's quantiles together: a right forecaster passes, a wrong one does not, and gaps are told."""

import msgspec
import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, quantiles_of, track_of, truth_of
from volcast.backtest.comparison import compare
from volcast.backtest.evaluation.distribution.forecasts import FAMILIES, QuantileForecasts
from volcast.backtest.evaluation.distribution.judged import DistributionScores, score_distribution
from volcast.backtest.evaluation.distribution.quantile_scores import quantile_crps

DAYS = 120
TRUTH, EXPECTED = truth_of(DAYS * DAY, seed=5)
TRACKS = [track_of("ewma", EXPECTED, noise=0.5, seed=4), track_of("champion", EXPECTED)]
AT = np.arange(40 * DAY + 59, (DAYS - 1) * DAY, 60)


def scored(forecasts: QuantileForecasts, at: np.ndarray = AT) -> DistributionScores:
    return score_distribution(TRUTH, forecasts, TRACKS, "champion", at)


RIGHT = scored(quantiles_of(TRUTH, EXPECTED))
NARROW = scored(quantiles_of(TRUTH, EXPECTED, scale=0.85))


def test_a_right_forecaster_passes_everything() -> None:
    assert (RIGHT.outcomes, RIGHT.unusable) == (AT.size, 0)
    assert [each.family for each in RIGHT.families] == list(FAMILIES)
    for family in RIGHT.families:
        assert family.largest_z is not None
        assert family.pit_chi_square is not None
        assert family.largest_z < 4.0
        assert family.pit_chi_square < 35.0
        assert sum(family.pit) == AT.size
    for touch in RIGHT.touch:
        assert touch.skill is not None
        assert touch.skill > 0.0
    assert {(each.direction, each.distance) for each in RIGHT.touch} == {
        (direction, distance) for direction in ("up", "down") for distance in (0.5, 1.0, 2.0)
    }


def test_quantiles_that_are_too_narrow_fail_at_the_levels_and_in_the_tails_and_cost_skill() -> None:
    for right, narrow in zip(RIGHT.families, NARROW.families, strict=True):
        assert narrow.largest_z is not None
        assert narrow.pit_chi_square is not None
        assert narrow.largest_z > 5.0
        assert narrow.pit_chi_square > 60.0
        assert right.crps is not None
        assert narrow.crps is not None
        assert right.crps < narrow.crps
    assert all(each.kupiec_p is not None and each.kupiec_p < 0.05 for each in NARROW.tail_risk if each.probability == 0.05)


def test_the_baselines_are_the_models_with_the_champions_own_first() -> None:
    """What the stream's outcomes are made of: the champion knows the volatility, and the shape of outcomes never changes."""
    for family in RIGHT.families:
        own, other = family.baselines
        assert (own.model, other.model) == ("champion", "ewma")
        assert own.outcomes == other.outcomes == AT.size
        assert own.ratio == pytest.approx(1.0, abs=0.01)
        assert other.ratio is not None
        assert other.tail_ratio is not None
        assert other.dm is not None
        assert other.ratio < 0.99
        assert other.tail_ratio < 1.0
        assert other.dm < -2.0
        assert len(other.pinball_ratios) == len(RIGHT.levels)


def test_the_ratio_is_that_of_mean_scores() -> None:
    forecasts = quantiles_of(TRUTH, EXPECTED)
    own = quantile_crps(TRUTH.log_return[AT], forecasts.at(TRUTH.open_time_ms[AT])[:, 0], forecasts.levels)
    (_, other) = RIGHT.families[0].baselines
    assert RIGHT.families[0].crps == pytest.approx(own.mean())
    assert other.crps is not None
    assert other.ratio == pytest.approx(own.mean() / other.crps)


def test_where_the_past_is_too_short_the_baseline_is_unknown_and_the_rest_is_not() -> None:
    found = scored(quantiles_of(TRUTH, EXPECTED), np.arange(59, 3 * DAY, 60))
    assert found.outcomes == 72
    assert all(each.crps is not None for each in found.families)
    assert all((each.outcomes, each.ratio, each.dm) == (0, None, None) for each in found.families[0].baselines)
    assert found.touch == []


@pytest.mark.parametrize("what", ["not finite", "crossing"])
def test_quantiles_that_cannot_be_used_are_left_out_and_counted(what: str) -> None:
    forecasts = quantiles_of(TRUTH, EXPECTED)
    place = int(np.flatnonzero(forecasts.open_time_ms == TRUTH.open_time_ms[AT[7]])[0])
    forecasts.values[place, 2, 5] = np.nan if what == "not finite" else 1.0
    found = scored(forecasts)
    assert (found.outcomes, found.unusable) == (AT.size - 1, 1)


def test_where_no_quantiles_are_known_nothing_is_scored() -> None:
    found = scored(QuantileForecasts((0.1, 0.5, 0.9), TRUTH.open_time_ms[:0], np.zeros((0, 4, 3))))
    assert (found.outcomes, found.unusable, found.touch, found.tail_risk) == (0, AT.size, [], [])
    assert {(each.crps, each.largest_z, each.pit_chi_square) for each in found.families} == {(None, None, None)}


def test_a_comparison_has_them_as_json_and_without_quantiles_none() -> None:
    tracks = [track_of("champion", EXPECTED)]
    known = compare(TRUTH, tracks, "champion", symbol="X", quantiles=quantiles_of(TRUTH, EXPECTED))
    assert known.distribution is not None
    assert known.distribution.outcomes == known.outcomes
    (family, *_) = msgspec.json.decode(msgspec.json.encode(known))["distribution"]["families"]
    assert family["family"] == "return"
    assert compare(TRUTH, tracks, "champion", symbol="X").distribution is None


def test_two_levels_are_scored_but_make_no_curve() -> None:
    found = scored(quantiles_of(TRUTH, EXPECTED, levels=(0.1, 0.9)))
    assert found.outcomes == AT.size
    assert (found.touch, found.tail_risk) == ([], [])
    assert all(each.baselines[1].tail_ratio is None and each.baselines[1].ratio is not None for each in found.families)
