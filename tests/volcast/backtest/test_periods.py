"""Scores by month and by hour, and skill over time, agree with plain loops over the same outcomes."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, START_MS, track_of, truth_of
from volcast.backtest.comparison import compare
from volcast.backtest.periods import DAY_MS, SKILL_DAYS, skill
from volcast.backtest.scores import qlike_losses

TRUTH, EXPECTED = truth_of(50 * DAY)
TRACKS = [track_of("best", EXPECTED), track_of("ewma", EXPECTED, noise=0.7)]
FOUND = compare(TRUTH, TRACKS, "best", symbol="X", from_share=0.0)
AT = [minute for minute in range(50 * DAY - 60) if minute % 60 == 59]
MADE = [datetime.fromtimestamp(START_MS / 1_000 + 60 * (minute + 1), UTC) for minute in AT]
LOSSES = {track.name: qlike_losses(TRUTH.realized_variance[AT], track.variance[AT]).tolist() for track in TRACKS}
INSIDE = (TRACKS[0].lower[AT] <= np.sqrt(TRUTH.realized_variance[AT])) & (
    np.sqrt(TRUTH.realized_variance[AT]) <= TRACKS[0].upper[AT]
)


def test_months_agree_with_plain_loops() -> None:
    assert [(month.month, month.outcomes) for month in FOUND.by_month] == [("2024-01", 743), ("2024-02", 456)]
    for month in FOUND.by_month:
        places = [place for place, made in enumerate(MADE) if f"{made:%Y-%m}" == month.month]
        for name, scores in month.models.items():
            assert scores.qlike == pytest.approx(sum(LOSSES[name][place] for place in places) / len(places))
        assert month.models["best"].coverage == pytest.approx(INSIDE[places].mean())


def test_hours_agree_with_plain_loops() -> None:
    """The candle that opens at 12:59 makes the forecast of 13:00."""
    assert [hour.hour for hour in FOUND.by_hour] == list(range(24))
    for hour in FOUND.by_hour:
        places = [place for place, made in enumerate(MADE) if made.hour == hour.hour]
        assert hour.outcomes == len(places)
        assert hour.models["ewma"].qlike == pytest.approx(sum(LOSSES["ewma"][place] for place in places) / len(places))
        assert hour.models["best"].coverage == pytest.approx(INSIDE[places].mean())


def test_r2_of_a_few_outcomes_is_not_given() -> None:
    truth, expected = truth_of(40 * 60, start_ms=START_MS - 20 * 60 * 60_000)
    december, january = compare(truth, [track_of("best", expected)], "best", symbol="X", from_share=0.0).by_month
    assert (december.month, december.outcomes, january.outcomes) == ("2023-12", 19, 20)
    assert december.models["best"].r2_log_median is None
    assert december.models["best"].qlike is not None


def test_skill_by_plain_loops() -> None:
    found = FOUND.skill
    assert list(found.models) == ["best"]
    assert found.days[0] == "2024-01-16"
    assert found.days[-1] == "2024-02-20"
    for day, value in zip(found.days, found.models["best"], strict=True):
        midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()
        due = [made.timestamp() + 3_600 for made in MADE]
        places = [place for place, at in enumerate(due) if midnight - SKILL_DAYS * 86_400 < at <= midnight]
        assert len(places) == SKILL_DAYS * 24
        expected_value = 1.0 - sum(LOSSES["best"][place] for place in places) / sum(LOSSES["ewma"][place] for place in places)
        assert value == pytest.approx(expected_value)


def test_skill_needs_half_of_the_two_weeks() -> None:
    """There are outcomes from day 0 to 20 and from day 40 to 60."""
    hours = np.concatenate((np.arange(1, 481), np.arange(961, 1_441)))
    ones = np.ones(hours.size)
    found = skill(hours * 3_600_000, {"good": 0.5 * ones, "base": ones}, "base", 60)
    assert found.days[0] == "1970-01-15"
    days = [(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1_000) / DAY_MS for day in found.days]
    assert all((value is None) == (27 < day < 47) for day, value in zip(days, found.models["good"], strict=True))
    assert {value for value in found.models["good"] if value is not None} == {0.5}


def test_one_absurd_loss_affects_only_its_two_weeks() -> None:
    """A running sum would keep the rounding error of a huge loss for ever."""
    hours = np.arange(1, 60 * 24 + 1)
    losses = np.ones(hours.size)
    losses[20 * 24] = 1e300
    found = skill(hours * 3_600_000, {"odd": losses, "base": 2.0 * np.ones(hours.size)}, "base", 60)
    assert found.models["odd"][-1] == 0.5


def test_skill_over_a_baseline_without_loss_is_none() -> None:
    hours = np.arange(1, 20 * 24 + 1)
    found = skill(hours * 3_600_000, {"a": np.ones(hours.size), "base": np.zeros(hours.size)}, "base", 60)
    assert found.models["a"] == [None] * 7


def test_skill_without_a_baseline_or_outcomes_is_empty() -> None:
    nothing = np.array([], np.int64)
    assert skill(nothing, {"a": np.array([]), "b": np.array([])}, "b", 60).models == {"a": []}
    assert skill(nothing, {"a": np.array([])}, None, 60).days == []
