"""A horizon's learner with a model that keeps a diary: what it is asked, what it is told and when; bounds by hand."""

from itertools import pairwise
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest

from tests.minutes import DAY, START, Minute, minutes, standing
from volcast.core.arrays import Floats
from volcast.core.forecast.learner import Learner, Prediction, ResolvedForecast
from volcast.core.forecast.quantiles import QuantileTracker, laplace_quantile
from volcast.core.market.state import Market
from volcast.core.models.contract import Estimate, Learned

Told = tuple[int, Estimate, float, float]


class Diary:
    """A model of one number: the minute. It says what it is set to, and writes down what it is told."""

    names: tuple[str, ...] = ("minute",)

    def __init__(self, *says: float) -> None:
        self.says = Estimate(*(says or (log(6e-3), 0.2, 0.5, 0.8)))
        self.asked: list[int] = []
        self.told: list[Told] = []
        self.noticed: list[tuple[int, float]] = []

    def row(self, market: Market) -> Floats:
        return np.array([float(market.minute)])

    def estimate(self, row: Floats) -> Estimate:
        self.asked.append(int(row[0]))
        return self.says._replace(log_median=self.says.log_median + 0.1 * (int(row[0]) % 3))

    def learn(self, row: Floats, made: Estimate, log_volatility: float, log_return: float) -> None:
        self.told.append((int(row[0]), made, log_volatility, log_return))

    def notice(self, minute: int, departure: float) -> None:
        self.noticed.append((minute, departure))

    def usual(self, minute: int) -> float:
        return float(minute)

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        return {"diary": {"one": 1.0}}, {"clock": [0.5]}

    def dump(self) -> dict[str, Any]:
        return {}

    def load(self, state: dict[str, Any]) -> None:
        pass


def play(rows: list[Minute], *learners: Learner) -> tuple[list[list[Prediction]], list[list[ResolvedForecast | None]]]:
    """What each says and answers at each minute."""
    market, made, came = Market(), [], []
    for row in rows:
        market.push(*row)
        if row.log_return is None:
            for learner in learners:
                learner.forget_pending()
        came.append([learner.answer(market) for learner in learners])
        made.append([learner.predict(market) for learner in learners])
    return made, came


def realized(rows: list[Minute], made: int, horizon: int) -> tuple[float, float]:
    """Log volatility and log return over the horizon after the row `made`."""
    returns = [row.log_return or 0.0 for row in rows[made + 1 : made + 1 + horizon]]
    return 0.5 * log(sum(r * r for r in returns)), sum(returns)


@pytest.mark.parametrize(("horizon", "every"), [(5, 5), (7, 5), (15, 5), (60, 10), (240, 41), (1_440, 241)])
def test_it_learns_each_sample_once_a_horizon_later_as_it_was(horizon: int, every: int) -> None:
    rows = minutes(2 * horizon + 400, gaps=((200, 203),))
    diary = Diary()
    learner = Learner(diary, horizon)
    play(rows, learner)
    index = {row.minute: i for i, row in enumerate(rows)}
    whole = [m for m in index if all(minute in index for minute in range(m, m + horizon + 1))]
    assert [minute for minute, *_ in diary.told] == [minute for minute in whole if minute % every == every - 1]
    for minute, made, log_volatility, log_return in diary.told:
        assert made == Diary().estimate(np.array([float(minute)]))
        assert (log_volatility, log_return) == pytest.approx(realized(rows, index[minute], horizon))
    assert [minute for minute, _ in diary.noticed] == whole
    assert diary.asked == [row.minute for row in rows]
    assert learner.answered == len(whole)


def test_a_departure_is_the_volatility_a_minute_over_the_level_when_the_forecast_was_made() -> None:
    rows = minutes(200)
    diary, market, levels = Diary(), Market(), []
    play(rows, Learner(diary, 60))
    for row in rows:
        market.push(*row)
        levels.append(market.state.level)
    for i, (minute, departure) in enumerate(diary.noticed):
        assert minute == START + i
        assert departure == pytest.approx(realized(rows, i, 60)[0] - 0.5 * log(60) - levels[i])


def test_the_calibration_is_the_mean_of_what_came_over_what_was_said() -> None:
    rows = minutes(3_000)
    diary = Diary()
    learner = Learner(diary, 60)
    made, _ = play(rows, learner)
    calibration = 1.0
    for i in range(3_000):
        if i >= 60:
            said = exp(2 * diary.estimate(np.array([float(START + i - 60)])).log_median + 0.2)
            ratio = min(exp(2 * realized(rows, i - 60, 60)[0]) / said, 50.0)
            calibration += max(1 - 0.5 ** (1 / (60 * DAY)), 1 / (14_400 + i - 59)) * (ratio - calibration)
        uncalibrated = exp(2 * diary.estimate(np.array([float(START + i)])).log_median + 0.2)
        assert made[i][0].variance == pytest.approx(uncalibrated * calibration)
    assert learner.calibration == pytest.approx(calibration)


def test_bounds_are_those_of_the_tracked_quantiles() -> None:
    rows = minutes(1_500)
    diary = Diary()
    learner = Learner(diary, 60, level=0.8)
    made, _ = play(rows, learner)
    errors = [QuantileTracker(tail, 0.015, laplace_quantile(tail)) for tail in (0.1, 0.9)]
    moves = [QuantileTracker(tail, 0.005, laplace_quantile(tail)) for tail in (0.1, 0.9)]
    first = made[0][0]
    assert (first.median, first.lower, first.upper) == pytest.approx(
        (6e-3, 6e-3 * exp(0.5 * log(0.2)), 6e-3 * exp(-0.5 * log(0.2)))
    )
    for _, estimate, log_volatility, log_return in diary.told:
        for tracker in errors:
            tracker.learn((log_volatility - estimate.log_median) / 0.5)
        for tracker in moves:
            tracker.learn(log_return / (0.8 * exp(estimate.log_median)))
    last = made[-1][0]
    expected = [last.median * exp(0.5 * tracker.value) for tracker in errors]
    expected += [last.median * 0.8 * tracker.value for tracker in moves]
    assert (last.lower, last.upper, last.return_lower, last.return_upper) == pytest.approx(tuple(expected))


def test_coverage_tends_to_the_level_and_higher_levels_have_wider_intervals() -> None:
    """In a market as steady as the model says, and wider scattered than it says."""
    levels = (0.5, 0.9)
    learners = [Learner(Diary(log(1.9e-3), 0.2, 0.1, 0.7), 15, level) for level in levels]
    made, came = play(steady(8 * DAY), *learners)
    scored = [[inside(answer) for answer in each if answer] for each in came[3 * DAY :]]
    coverage = np.array(scored).mean(axis=0)
    np.testing.assert_allclose(coverage[:, 0], levels, atol=0.03)
    np.testing.assert_allclose(coverage[:, 1], levels, atol=0.03)
    for narrow, wide in pairwise(made[-1]):
        assert wide.lower < narrow.lower < narrow.upper < wide.upper
        assert wide.return_lower < narrow.return_lower <= 0 <= narrow.return_upper < wide.return_upper


def inside(answer: ResolvedForecast) -> tuple[bool, bool]:
    """Its volatility, its return."""
    made = answer.prediction
    return made.lower**2 <= answer.realized_variance <= made.upper**2, made.return_lower <= answer.log_return <= made.return_upper


def steady(count: int) -> list[Minute]:
    """Normal returns of one size."""
    rows, before = [], 1.0
    for i, log_return in enumerate(np.random.default_rng(1).normal(0.0, 5e-4, count).tolist()):
        close = before * exp(log_return)
        candle = (before, max(before, close), min(before, close), close, 1.0)
        rows.append(Minute(START + i, candle, log_return if i else None))
        before = close
    return rows


def test_an_hour_in_which_the_price_did_not_move_is_answered_and_not_learned_from() -> None:
    rows = standing(START, 200, 5.0)
    diary = Diary()
    learner = Learner(diary, 60)
    _, came = play([rows[0]._replace(log_return=None), *rows[1:]], learner)
    answers = [each[0] for each in came if each[0]]
    assert len(answers) == learner.answered == 140
    assert {answer.realized_variance for answer in answers} == {0.0}
    assert (diary.told, diary.noticed, learner.calibration) == ([], [], 1.0)


@pytest.mark.parametrize("log_median", [-1e300, -100.0, 100.0, 1e300, float("inf")])
@pytest.mark.parametrize("log_excess", [-1e300, 0.0, 1e300])
def test_what_a_model_says_is_held_within_what_prices_can_do(log_median: float, log_excess: float) -> None:
    made, _ = play(minutes(1), Learner(Diary(log_median, log_excess, 0.5, 0.8), 60))
    prediction = made[0][0]
    assert sqrt(60e-12) * 0.99 < prediction.median < sqrt(60e4) * 1.5
    assert 0 < prediction.variance < 60e4 * exp(9)


def test_what_waits_when_minutes_are_missing_is_never_answered() -> None:
    rows = minutes(100)
    rows[50] = rows[50]._replace(log_return=None)
    _, came = play(rows, Learner(Diary(), 15))
    assert [i for i, each in enumerate(came) if each[0]] == [*range(15, 50), *range(65, 100)]


def test_it_starts_from_what_another_learned() -> None:
    taught = Learner(Diary(), 60)
    play(minutes(1_000), taught)
    learned = taught.learned()
    assert (learned.coefficients, learned.profiles) == ({"diary": {"one": 1.0}}, {"clock": [0.5]})
    again = Learner(Diary(), 60, prior=learned)
    assert again.learned() == learned != Learner(Diary(), 60).learned()
    other_level = Learner(Diary(), 60, level=0.5, prior=learned)
    assert other_level.calibration == taught.calibration
    assert other_level.learned().quantiles == Learner(Diary(), 60, level=0.5).learned().quantiles


def test_quantiles_that_are_too_few_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Learner(Diary(), 60, prior=Learned({}, {}, 1.0, {"0.9": [1.0, 2.0]}))


def test_the_state_of_another_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        Learner(Diary(), 60).load(Learner(Diary(), 15).dump())


def test_usual_is_the_models() -> None:
    assert Learner(Diary(), 60).usual(7) == 7.0
