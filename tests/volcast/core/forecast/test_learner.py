"""A learner with a model that records its calls: what it estimates, what it learns and when; bounds by hand."""

from itertools import pairwise
from math import exp, log, sqrt
from typing import Any

import numpy as np
import pytest

from tests.minutes import DAY, START, Minute, constant_price, minutes
from volcast.core.arrays import Floats
from volcast.core.forecast.distribution.quantiles import QUANTILE_LEVELS, Quantiles
from volcast.core.forecast.distribution.tracker import OUTCOMES
from volcast.core.forecast.learner import Learner, Prediction, ResolvedForecast
from volcast.core.market.state import Market
from volcast.core.models.contract import Estimate, Learned

Sample = tuple[int, Estimate, float, float]
"""Minute, estimate, log volatility and log return."""


class RecordingModel:
    """A model whose row is the minute. It returns a preset estimate, and records what it learns."""

    names: tuple[str, ...] = ("minute",)

    def __init__(self, *preset: float) -> None:
        self.preset = Estimate(*(preset or (log(6e-3), 0.2, 0.5, 0.8)))
        self.estimated_minutes: list[int] = []
        self.samples: list[Sample] = []
        self.profile_samples: list[tuple[int, float]] = []

    def row(self, market: Market) -> Floats:
        return np.array([float(market.minute)])

    def estimate(self, row: Floats) -> Estimate:
        self.estimated_minutes.append(int(row[0]))
        return self.preset._replace(log_median=self.preset.log_median + 0.1 * (int(row[0]) % 3))

    def learn(self, row: Floats, estimate: Estimate, log_volatility: float, log_return: float) -> None:
        self.samples.append((int(row[0]), estimate, log_volatility, log_return))

    def learn_profile(self, minute: int, deviation: float) -> None:
        self.profile_samples.append((minute, deviation))

    def seasonal_effect(self, minute: int) -> float:
        return float(minute)

    def learned(self) -> tuple[dict[str, dict[str, float]], dict[str, list[float]]]:
        return {"regression": {"one": 1.0}}, {"clock": [0.5]}

    def dump(self) -> dict[str, Any]:
        return {}

    def load(self, state: dict[str, Any]) -> None:
        pass


def run_learners(rows: list[Minute], *learners: Learner) -> tuple[list[list[Prediction]], list[list[ResolvedForecast | None]]]:
    """Return the prediction and the resolved forecast of each learner at each minute."""
    market, predictions, resolved = Market(), [], []
    for row in rows:
        market.push(*row)
        if row.log_return is None:
            for learner in learners:
                learner.drop_pending()
        resolved.append([learner.resolve(market) for learner in learners])
        predictions.append([learner.predict(market) for learner in learners])
    return predictions, resolved


def realized(rows: list[Minute], made: int, horizon: int) -> tuple[float, float]:
    """Return log volatility and log return over the horizon after the row number `made`."""
    returns = [row.log_return or 0.0 for row in rows[made + 1 : made + 1 + horizon]]
    return 0.5 * log(sum(r * r for r in returns)), sum(returns)


@pytest.mark.parametrize(("horizon", "every"), [(5, 5), (7, 5), (15, 5), (60, 10), (240, 41), (1_440, 241)])
def test_each_sample_is_learned_once_a_horizon_later_as_it_was(horizon: int, every: int) -> None:
    rows = minutes(2 * horizon + 400, gaps=((200, 203),))
    model = RecordingModel()
    learner = Learner(model, horizon)
    run_learners(rows, learner)
    index = {row.minute: i for i, row in enumerate(rows)}
    complete = [m for m in index if all(minute in index for minute in range(m, m + horizon + 1))]
    assert [minute for minute, *_ in model.samples] == [minute for minute in complete if minute % every == every - 1]
    for minute, estimate, log_volatility, log_return in model.samples:
        assert estimate == RecordingModel().estimate(np.array([float(minute)]))
        assert (log_volatility, log_return) == pytest.approx(realized(rows, index[minute], horizon))
    assert [minute for minute, _ in model.profile_samples] == complete
    assert model.estimated_minutes == [row.minute for row in rows]
    assert learner.outcomes == len(complete)


def test_the_deviation_is_relative_to_the_level_when_the_forecast_was_made() -> None:
    rows = minutes(200)
    model, market, levels = RecordingModel(), Market(), []
    run_learners(rows, Learner(model, 60))
    for row in rows:
        market.push(*row)
        levels.append(market.state.level)
    for i, (minute, deviation) in enumerate(model.profile_samples):
        assert minute == START + i
        assert deviation == pytest.approx(realized(rows, i, 60)[0] - 0.5 * log(60) - levels[i])


def test_the_calibration_is_the_mean_ratio_of_realized_variance_to_the_models_forecast() -> None:
    rows = minutes(3_000)
    model = RecordingModel()
    learner = Learner(model, 60)
    made, _ = run_learners(rows, learner)
    calibration = 1.0
    for i in range(3_000):
        if i >= 60:
            uncalibrated = exp(2 * model.estimate(np.array([float(START + i - 60)])).log_median + 0.2)
            ratio = min(exp(2 * realized(rows, i - 60, 60)[0]) / uncalibrated, 50.0)
            calibration += max(1 - 0.5 ** (1 / (60 * DAY)), 1 / (14_400 + i - 59)) * (ratio - calibration)
        uncalibrated = exp(2 * model.estimate(np.array([float(START + i)])).log_median + 0.2)
        assert made[i][0].variance == pytest.approx(uncalibrated * calibration)
    assert learner.calibration == pytest.approx(calibration)


def test_bounds_and_quantiles_are_those_of_one_distribution() -> None:
    rows = minutes(1_500)
    levels = (0.02, 0.1, 0.5, 0.9)
    learner = Learner(RecordingModel(), 60, 0.8, quantile_levels=levels)
    made, _ = run_learners(rows, learner)
    last, quantiles = made[-1][0], learner.quantiles
    assert quantiles.levels == levels
    assert (last.lower, last.median, last.upper) == quantiles.realized_volatility[1:]
    assert (last.return_lower, last.return_upper) == (quantiles.log_return[1], quantiles.log_return[3])
    for family in (quantiles.log_return, quantiles.log_high, quantiles.log_low, quantiles.realized_volatility):
        assert all(before < after for before, after in pairwise(family))


def test_without_levels_there_are_no_quantiles_but_the_same_bounds() -> None:
    with_levels, without = Learner(RecordingModel(), quantile_levels=(0.01, 0.99)), Learner(RecordingModel())
    made, _ = run_learners(minutes(400), with_levels, without)
    assert without.quantiles == Quantiles((), (), (), (), ())
    assert all(one == other for one, other in made)


def test_the_bounds_and_the_usual_levels_are_tracked_though_the_quantiles_lack_them() -> None:
    learner = Learner(RecordingModel(), 60, 0.8, quantile_levels=(0.6,))
    made, _ = run_learners(minutes(1_500), learner)
    last, tracked = made[-1][0], learner.tracked_quantiles
    assert tracked.levels == tuple(sorted({*QUANTILE_LEVELS, 0.6}))
    found = dict(zip(tracked.levels, tracked.realized_volatility, strict=True))
    assert (last.lower, last.median, last.upper) == (found[0.1], found[0.5], found[0.9])
    assert learner.quantiles.log_return == (tracked.log_return[tracked.levels.index(0.6)],)


def test_the_distribution_learns_the_extremes_of_the_horizon() -> None:
    """Highs are those of the minutes after the forecast, and each is learned once, a horizon later."""
    rows, levels = constant_volatility(12 * DAY), (0.3, 0.5, 0.9)
    learner = Learner(RecordingModel(log(1.9e-3), 0.2, 0.1, 0.7), 15, quantile_levels=levels)
    market, quantiles = Market(), {}
    for i, row in enumerate(rows):
        market.push(*row)
        if row.log_return is None:
            learner.drop_pending()
        learner.resolve(market)
        learner.predict(market)
        if i >= 4 * DAY:
            quantiles[i] = learner.quantiles
    log_price = np.array([log(row.candle[3]) for row in rows])
    highs, lows = (np.array([log(row.candle[at]) for row in rows]) for at in (1, 2))
    scored = [i for i in quantiles if i + 15 < len(rows)]
    for name, family, extreme in (("log_high", highs, np.max), ("log_low", lows, np.min)):
        outcomes = np.array([extreme(family[i + 1 : i + 16]) - log_price[i] for i in scored])
        forecast = np.array([getattr(quantiles[i], name) for i in scored])
        np.testing.assert_allclose((outcomes[:, np.newaxis] < forecast).mean(axis=0), levels, atol=0.05)


def test_coverage_tends_to_the_level_and_higher_levels_have_wider_intervals() -> None:
    """The market has constant volatility, as the model estimates, but errors are larger than it estimates."""
    levels = (0.5, 0.9)
    learners = [Learner(RecordingModel(log(1.9e-3), 0.2, 0.1, 0.7), 15, level) for level in levels]
    made, resolved = run_learners(constant_volatility(8 * DAY), *learners)
    scored = [[covered(one) for one in each if one] for each in resolved[3 * DAY :]]
    coverage = np.array(scored).mean(axis=0)
    np.testing.assert_allclose(coverage[:, 0], levels, atol=0.03)
    np.testing.assert_allclose(coverage[:, 1], levels, atol=0.03)
    for narrow, wide in pairwise(made[-1]):
        assert wide.lower < narrow.lower < narrow.upper < wide.upper
        assert wide.return_lower < narrow.return_lower <= 0 <= narrow.return_upper < wide.return_upper


def test_half_of_the_outcomes_lie_below_the_median_though_the_models_is_too_high() -> None:
    _, resolved = run_learners(constant_volatility(12 * DAY), Learner(RecordingModel(log(2.2e-3), 0.2, 0.1, 0.7), 15))
    below = [each[0].realized_variance < each[0].prediction.median ** 2 for each in resolved[7 * DAY :] if each[0]]
    assert np.mean(below) == pytest.approx(0.5, abs=0.03)


def covered(one: ResolvedForecast) -> tuple[bool, bool]:
    """Return whether the volatility and the return lie within their bounds."""
    made = one.prediction
    return made.lower**2 <= one.realized_variance <= made.upper**2, made.return_lower <= one.log_return <= made.return_upper


def constant_volatility(count: int) -> list[Minute]:
    """Return minutes with normal returns of constant volatility."""
    rows, before = [], 1.0
    for i, log_return in enumerate(np.random.default_rng(1).normal(0.0, 5e-4, count).tolist()):
        close = before * exp(log_return)
        candle = (before, max(before, close), min(before, close), close, 1.0)
        rows.append(Minute(START + i, candle, log_return if i else None))
        before = close
    return rows


def test_an_hour_without_a_price_change_is_resolved_but_not_learned_from() -> None:
    rows = constant_price(START, 200, 5.0)
    model = RecordingModel()
    learner = Learner(model, 60)
    _, resolved = run_learners([rows[0]._replace(log_return=None), *rows[1:]], learner)
    outcomes = [each[0] for each in resolved if each[0]]
    assert len(outcomes) == learner.outcomes == 140
    assert {one.realized_variance for one in outcomes} == {0.0}
    assert (model.samples, model.profile_samples, learner.calibration) == ([], [], 1.0)


@pytest.mark.parametrize("log_median", [-1e300, -100.0, 100.0, 1e300, float("inf")])
@pytest.mark.parametrize("log_excess", [-1e300, 0.0, 1e300])
def test_forecasts_are_limited_to_what_prices_can_do(log_median: float, log_excess: float) -> None:
    made, _ = run_learners(minutes(1), Learner(RecordingModel(log_median, log_excess, 0.5, 0.8), 60))
    prediction = made[0][0]
    assert sqrt(60e-12) * 0.99 < prediction.median < sqrt(60e4) * 1.5
    assert 0 < prediction.variance < 60e4 * exp(9)


def test_forecasts_pending_at_a_gap_are_never_resolved() -> None:
    rows = minutes(100)
    rows[50] = rows[50]._replace(log_return=None)
    _, resolved = run_learners(rows, Learner(RecordingModel(), 15))
    assert [i for i, each in enumerate(resolved) if each[0]] == [*range(15, 50), *range(65, 100)]


def test_it_starts_from_what_another_learner_learned() -> None:
    teacher = Learner(RecordingModel(), 60)
    run_learners(minutes(1_000), teacher)
    learned = teacher.learned()
    assert (learned.coefficients, learned.profiles) == ({"regression": {"one": 1.0}}, {"clock": [0.5]})
    again = Learner(RecordingModel(), 60, prior=learned)
    assert again.learned().coefficients == learned.coefficients
    assert again.learned().calibration == learned.calibration
    assert again.learned() != Learner(RecordingModel(), 60).learned()
    other_level = Learner(RecordingModel(), 60, level=0.5, prior=learned)
    assert other_level.calibration == teacher.calibration
    assert other_level.learned().shapes == again.learned().shapes


def test_shapes_that_are_too_few_are_refused() -> None:
    shapes = {family: [1.0, 2.0] for family in OUTCOMES}
    with pytest.raises(ValueError, match="29 quantiles, found 2"):
        Learner(RecordingModel(), 60, prior=Learned({}, {}, 1.0, shapes))


def test_the_state_of_another_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        Learner(RecordingModel(), 60).load(Learner(RecordingModel(), 15).dump())


def test_the_seasonal_effect_is_that_of_the_model() -> None:
    assert Learner(RecordingModel(), 60).seasonal_effect(7) == 7.0
