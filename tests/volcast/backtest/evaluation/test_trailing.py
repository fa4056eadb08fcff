"""Scores over the two weeks before each midnight agree with plain loops over the same outcomes."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.volcast.backtest.streams import DAY, START_MS, track_of, truth_of
from volcast.backtest.evaluation.trailing import WINDOW_DAYS, Trailing, trailing
from volcast.backtest.tracks import ScoredOutcomes, gather
from volcast.core.arrays import Floats

DAY_MS = 86_400_000
TRUTH, EXPECTED = truth_of(50 * DAY)
AT = np.array([minute for minute in range(50 * DAY - 60) if minute % 60 == 59])
FOUND = {
    "best": gather(TRUTH, track_of("best", EXPECTED), AT),
    "ewma": gather(TRUTH, track_of("ewma", EXPECTED, noise=0.7, intervals=False), AT),
}
DUE_MS = START_MS + 60_000 * (AT + 61)


def losses_only(losses: Floats) -> ScoredOutcomes:
    return ScoredOutcomes(losses, losses, losses, None, None, None)


def of_losses(hours: np.ndarray, champion: Floats, other: Floats) -> Trailing:
    found = {"champion": losses_only(champion), "other": losses_only(other)}
    return trailing(hours * 3_600_000, found, "champion", 60)


def test_they_agree_with_plain_loops() -> None:
    found = trailing(DUE_MS, FOUND, "best", 60)
    assert list(found.skill) == ["ewma"]
    assert list(found.coverage) == list(found.price_coverage) == ["best"]
    assert (found.days[0], found.days[-1]) == ("2024-01-16", "2024-02-20")
    interval, price = FOUND["best"].interval, FOUND["best"].price_interval
    assert interval is not None
    assert price is not None
    for place, day in enumerate(found.days):
        midnight = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1_000
        window = [i for i, due in enumerate(DUE_MS.tolist()) if midnight - WINDOW_DAYS * DAY_MS < due <= midnight]
        assert len(window) == WINDOW_DAYS * 24
        skill = 1.0 - sum(FOUND["best"].losses[window]) / sum(FOUND["ewma"].losses[window])
        assert found.skill["ewma"][place] == pytest.approx(skill)
        assert found.coverage["best"][place] == pytest.approx(interval.inside[window].mean())
        assert found.price_coverage["best"][place] == pytest.approx(price.inside[window].mean())


def test_half_of_the_two_weeks_is_needed() -> None:
    """There are outcomes from day 0 to 20 and from day 40 to 60."""
    hours = np.concatenate((np.arange(1, 481), np.arange(961, 1_441)))
    ones = np.ones(hours.size)
    found = of_losses(hours, 0.5 * ones, ones)
    assert found.days[0] == "1970-01-15"
    days = [datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1_000 / DAY_MS for day in found.days]
    assert all((value is None) == (27 < day < 47) for day, value in zip(days, found.skill["other"], strict=True))
    assert {value for value in found.skill["other"] if value is not None} == {0.5}


def test_one_absurd_loss_affects_only_its_two_weeks() -> None:
    """A running sum would keep the rounding error of a huge loss for ever."""
    hours = np.arange(1, 60 * 24 + 1)
    losses = np.ones(hours.size)
    losses[20 * 24] = 1e300
    assert of_losses(hours, losses, 2.0 * np.ones(hours.size)).skill["other"][-1] == 0.5


def test_skill_over_a_model_without_loss_is_none() -> None:
    hours = np.arange(1, 20 * 24 + 1)
    assert of_losses(hours, np.ones(hours.size), np.zeros(hours.size)).skill["other"] == [None] * 7


def test_without_outcomes_there_are_no_days() -> None:
    nothing = np.array([], np.int64)
    assert of_losses(nothing, np.array([]), np.array([])) == Trailing([], {"other": []}, {}, {})
