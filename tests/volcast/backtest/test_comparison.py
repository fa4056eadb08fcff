"""The comparison of models: the scores, their order, and the problem that is reported where there are few outcomes."""

from math import isclose

import msgspec
import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, track_of, truth_of
from volcast.backtest.comparison import MIN_OUTCOMES, Comparison, compare
from volcast.backtest.scores import diebold_mariano, qlike_losses

DAYS = 90
TRUTH, EXPECTED = truth_of(DAYS * DAY)
TRACKS = [
    track_of("bad", EXPECTED, noise=0.9, seed=3),
    track_of("ewma", EXPECTED, noise=0.6, intervals=False, seed=4),
    track_of("best", EXPECTED),
    track_of("champion", EXPECTED, noise=0.3, seed=5),
]
FOUND = compare(TRUTH, TRACKS, "champion", symbol="TESTUSDT")


def test_the_champion_comes_first_then_models_by_qlike() -> None:
    assert [model.model for model in FOUND.models] == ["champion", "best", "ewma", "bad"]


def test_the_outcomes_that_are_scored() -> None:
    at = [minute for minute in range(int(DAYS * DAY * 0.4), DAYS * DAY - 60) if minute % 60 == 59]
    assert FOUND.outcomes == len(at)
    assert FOUND.from_ms == TRUTH.open_time_ms[at[0]] + 60_000
    assert FOUND.to_ms == TRUTH.open_time_ms[at[-1]] + 60_000
    assert (FOUND.flat, FOUND.near_gaps, FOUND.unknown, FOUND.missing, FOUND.problem) == (0, 0, 1, {}, None)


def test_scores_agree_with_plain_numpy() -> None:
    at = np.arange(int(DAYS * DAY * 0.4), DAYS * DAY - 60)
    at = at[at % 60 == 59]
    bad, champion = TRACKS[0], TRACKS[3]
    rv2, f = TRUTH.realized_variance[at], bad.variance[at]
    rv, median = np.sqrt(rv2), bad.median[at]
    losses, others = qlike_losses(rv2, f), qlike_losses(rv2, champion.variance[at])
    found = FOUND.models[-1]
    inside = (bad.lower[at] <= rv) & (rv <= bad.upper[at])
    expected = {
        "qlike": losses.mean(),
        "qlike_ratio": losses.mean() / others.mean(),
        "dm": diebold_mariano(losses, others),
        "r2_log_median": 1.0 - np.mean(np.log(rv / median) ** 2) / np.var(np.log(rv)),
        "r2_log_forecast": 1.0 - np.mean(np.log(rv2 / f) ** 2) / np.var(np.log(rv2)),
        "r2_level": 1.0 - np.mean((rv - np.sqrt(f)) ** 2) / np.var(rv),
        "rmse_bp": 1e4 * np.sqrt(np.mean((rv - np.sqrt(f)) ** 2)),
        "mae_bp": 1e4 * np.mean(np.abs(rv - np.sqrt(f))),
        "mae_median_bp": 1e4 * np.mean(np.abs(rv - median)),
        "mse_log_median": np.mean(np.log(rv / median) ** 2),
        "coverage": inside.mean(),
        "log_width": np.mean(np.log(bad.upper[at] / bad.lower[at])),
    }
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected)
    assert found.dm is not None
    assert found.dm > 4.0


def test_the_champion_compared_with_itself() -> None:
    champion = FOUND.models[0]
    assert champion.qlike_ratio == 1.0
    assert champion.dm is None


def test_correct_intervals_pass_their_tests() -> None:
    best = FOUND.models[1]
    assert best.coverage == pytest.approx(0.9, abs=0.03)
    assert best.price_coverage == pytest.approx(0.9, abs=0.03)
    assert best.coverage_worst_30_days is not None
    assert best.coverage_worst_run is not None
    assert best.coverage_worst_run <= best.coverage_worst_30_days <= 0.93
    for p in (best.kupiec_p, best.christoffersen_p):
        assert p is not None
        assert p > 0.01


def test_a_forecaster_that_knows_the_distribution_has_a_uniform_pit_and_the_smallest_losses() -> None:
    champion, best, _, bad = FOUND.models
    for other in (champion, bad):
        for name in ("crps", "pinball_lower", "pinball_median", "pinball_upper", "winkler"):
            assert getattr(best, name) < getattr(other, name)
    assert best.pit_distance is not None
    assert best.pit_distance < 1.63 / FOUND.outcomes**0.5, "Kolmogorov and Smirnov's limit of 1 %"
    assert best.pit is not None
    assert sum(best.pit) == FOUND.outcomes
    assert best.slope == pytest.approx(1.0, abs=0.1)
    for risk in FOUND.tail_risk:
        if risk.model == "best":
            for p in (risk.kupiec_p, risk.christoffersen_p, risk.conditional_p, risk.z2_p, risk.residual_p):
                assert p is not None
                assert p > 0.01


def test_a_model_without_intervals_has_no_interval_scores() -> None:
    ewma = FOUND.models[2]
    for name in ("r2_log_median", "mse_log_median", "mae_median_bp", "coverage", "winkler", "price_coverage", "kupiec_p"):
        assert getattr(ewma, name) is None


def test_json_round_trip() -> None:
    text = msgspec.json.encode(FOUND)
    assert msgspec.json.decode(text, type=Comparison) == FOUND
    assert msgspec.json.encode(compare(TRUTH, TRACKS, "champion", symbol="TESTUSDT")) == text


@pytest.mark.parametrize("outcomes", [0, 1, 2, 24, MIN_OUTCOMES - 1, MIN_OUTCOMES])
def test_few_outcomes_are_a_problem_and_not_an_error(outcomes: int) -> None:
    truth, expected = truth_of(60 * (outcomes + 1))
    tracks = [track_of("ewma", expected, noise=0.5), track_of("champion", expected)]
    found = compare(truth, tracks, "champion", symbol="X", from_share=0.0)
    assert found.outcomes == outcomes
    assert (found.problem is None) == (outcomes >= MIN_OUTCOMES)
    assert b"NaN" not in msgspec.json.encode(found)
    assert found.trailing.days == []
    if outcomes == 0:
        assert found.models[0].qlike is None
        assert found.from_ms is None
        assert found.problem == (
            "X: 0 outcomes could be scored, but at least 48 are needed; provide more candles, or score a larger share of them."
        )


def test_a_model_that_lacks_forecasts_is_named() -> None:
    truth, expected = truth_of(4 * DAY)
    late = track_of("late", expected)
    late.variance[: 3 * DAY] = np.nan
    found = compare(truth, [track_of("champion", expected), late], "champion", symbol="X", from_share=0.0)
    assert found.outcomes == 23
    assert found.problem
    assert "(late has no forecast for 72)" in found.problem


def test_infinite_scores_are_none() -> None:
    truth, expected = truth_of(10 * DAY)
    wild = track_of("wild", expected)
    wild.variance[:] = 1e-320
    found = compare(truth, [track_of("champion", expected), wild], "champion", symbol="X")
    scores = found.models[1]
    assert scores.model == "wild"
    assert scores.qlike is None
    assert scores.dm is None


def test_every_model_has_its_part_in_every_statistic() -> None:
    names = {track.name for track in TRACKS}
    with_intervals = names - {"ewma"}
    assert set(FOUND.trailing.skill) == names - {"champion"}
    assert set(FOUND.trailing.coverage) == set(FOUND.trailing.price_coverage) == with_intervals
    assert set(FOUND.course.forecast) == set(FOUND.deciles) == {each.model for each in FOUND.storms.models} == names
    assert {(each.model, each.side) for each in FOUND.tail_risk} == {
        (name, side) for name in with_intervals for side in ("long", "short")
    }
    assert {each.name for each in FOUND.positions.models} == names
    assert all(each.outcomes == FOUND.outcomes for each in FOUND.tail_risk)


def test_what_lies_before_the_scored_part_changes_no_loss() -> None:
    """But it is the history of quantiles and of expected shortfall: those may differ."""
    other, _ = truth_of(DAYS * DAY)
    first = int(DAYS * DAY * 0.4)
    other.close[: first - 1] *= 2.0
    found = compare(other, TRACKS, "champion", symbol="TESTUSDT")
    assert found.models == FOUND.models
    assert found.positions.models == FOUND.positions.models


def test_models_that_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="the champion other is not among the models bad, ewma"):
        compare(TRUTH, TRACKS[:2], "other", symbol="X")
    with pytest.raises(ValueError, match="compared only once, found bad, bad"):
        compare(TRUTH, [TRACKS[0], TRACKS[0]], "bad", symbol="X")
    with pytest.raises(ValueError, match=r"level=1.5"):
        compare(TRUTH, TRACKS, "bad", symbol="X", level=1.5)
    with pytest.raises(ValueError, match=r"from_share=1.0"):
        compare(TRUTH, TRACKS, "bad", symbol="X", from_share=1.0)


def test_a_perfect_forecast() -> None:
    perfect = track_of("perfect", np.nan_to_num(TRUTH.realized_variance, nan=1.0))
    found = compare(TRUTH, [perfect, *TRACKS], "perfect", symbol="X").models
    assert found[0].qlike == 0.0
    assert found[0].qlike_ratio is None
    assert found[0].r2_level is not None
    assert isclose(found[0].r2_level, 1.0)
