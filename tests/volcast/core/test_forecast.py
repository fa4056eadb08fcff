"""The answer to a forecast is the next 60 returns, no more and no less; it is scored before it is learned from."""

from itertools import pairwise
from math import fsum, log, sqrt
from random import Random
from typing import Any

import pytest
from river import base

from tests.market import DECIMALS, SYMBOL, at, walk
from volcast.core.codec import encode_signal
from volcast.core.engine import Engine
from volcast.core.features import PRIOR_VARIANCE, VARIANCE_FLOOR, VarianceFeatures
from volcast.core.forecast import Forecast, Forecaster, qlike
from volcast.core.models import MODELS
from volcast.core.types import HORIZON_MINUTES, Candle, EngineConfig, Outcome, Signal


class MeanOfAnswers(base.Regressor):
    """A small regressor that keeps a diary: it forecasts the mean of the answers so far."""

    def __init__(self) -> None:
        self.diary: list[tuple[str, dict[Any, Any], float]] = []

    def learn_one(self, x: dict[Any, Any], y: float) -> None:
        self.diary.append(("learn", x, y))

    def predict_one(self, x: dict[Any, Any]) -> float:
        answers = [y for what, _, y in self.diary if what == "learn"]
        mean = fsum(answers) / len(answers) if answers else HORIZON_MINUTES * PRIOR_VARIANCE
        self.diary.append(("predict", x, mean))
        return mean

    def dump(self) -> dict[str, Any]:
        return {}

    def load(self, state: dict[str, Any]) -> None:
        pass


def some_returns(count: int, seed: int = 1) -> list[float]:
    random = Random(seed)  # noqa: S311  # the same returns each time
    return [random.gauss(0.0, 0.0007) for _ in range(count)]


def run(forecaster: Forecaster, returns: list[float]) -> tuple[list[Forecast], dict[int, Outcome]]:
    """Minute 0 has no return, minute t has returns[t - 1] -> forecasts by minute, outcomes by the minute they fell due."""
    forecasts, outcomes = [forecaster.forecast(at(0))], {}
    for minute, log_return in enumerate(returns, start=1):
        outcome = forecaster.observe(at(minute), log_return)
        if outcome:
            outcomes[minute] = outcome
        forecasts.append(forecaster.forecast(at(minute)))
    return forecasts, outcomes


@pytest.mark.parametrize("model", MODELS)
def test_the_answer_is_exactly_the_sum_of_the_next_60_squared_returns(model: str) -> None:
    returns = some_returns(400)
    forecasts, outcomes = run(Forecaster(model), returns)
    assert list(outcomes) == list(range(60, 401))
    for due, outcome in outcomes.items():
        made = due - 60
        realized = fsum(one * one for one in returns[made : made + 60])  # returns[t] is that of minute t + 1
        assert outcome.open_time_ms == at(made)
        assert outcome.realized_volatility == sqrt(realized)
        assert outcome.volatility == sqrt(forecasts[made].variance)
        assert outcome.volatility_ewma == sqrt(forecasts[made].variance_ewma)
        assert outcome.qlike == qlike(realized, forecasts[made].variance)
        assert outcome.qlike_ewma == qlike(realized, forecasts[made].variance_ewma)


def test_labels_are_aligned_by_hand() -> None:
    """One return of 0.03 in minute 61, all others 0: it belongs to the forecasts of the minutes 1 to 60, not to 0, not to 61."""
    _, outcomes = run(Forecaster("ewma"), [0.03 if minute == 61 else 0.0 for minute in range(1, 200)])
    realized = {due - 60: outcome.realized_volatility for due, outcome in outcomes.items()}
    assert realized[0] == 0.0
    assert {realized[minute] for minute in range(1, 61)} == {0.03}
    assert {realized[minute] for minute in range(61, 140)} == {0.0}


def test_a_forecast_is_scored_as_it_was_made_then_learned_from_once_with_the_features_as_they_were() -> None:
    returns = some_returns(300, seed=2)
    forecaster, model = Forecaster("ewma"), MeanOfAnswers()
    forecaster.model = model
    forecasts, outcomes = run(forecaster, returns)

    predicted = [(x, y) for what, x, y in model.diary if what == "predict"]
    learned = [(x, y) for what, x, y in model.diary if what == "learn"]
    assert [y for _, y in predicted] == [forecast.variance for forecast in forecasts]
    assert len(learned) == len(outcomes) == forecaster.answered == 300 - 59
    for made, (x, y) in enumerate(learned):
        assert x == predicted[made][0]
        assert y == fsum(one * one for one in returns[made : made + 60])
        assert outcomes[made + 60].volatility == sqrt(predicted[made][1])
    first_hour, later = ["predict"] * 60, ["learn", "predict"] * (300 - 59)
    assert [what for what, _, _ in model.diary] == first_hour + later


def test_the_features_of_a_forecast_know_its_own_minute_and_none_after_it() -> None:
    returns = some_returns(100, seed=3)
    forecaster, model = Forecaster("ewma"), MeanOfAnswers()
    forecaster.model = model
    run(forecaster, returns)
    features = VarianceFeatures()
    seen = [features.vector()]
    for log_return in returns:
        features.push(log_return * log_return)
        seen.append(features.vector())
    assert [x for what, x, _ in model.diary if what == "predict"] == seen


@pytest.mark.parametrize("missing", [1, 59, 60, 119, 1_440])
def test_after_a_gap_no_hour_with_a_hole_in_it_is_answered(missing: int) -> None:
    forecaster = Forecaster("ewma")
    run(forecaster, some_returns(100))
    before = forecaster.answered
    forecaster.forget_pending()
    start = 100 + missing + 1
    forecaster.forecast(at(start))
    due = []
    for minute in range(start + 1, start + 130):
        outcome = forecaster.observe(at(minute), 0.001)
        if outcome:
            due.append(minute)
            assert outcome.open_time_ms == at(minute - 60)
            assert outcome.realized_volatility == pytest.approx(0.001 * sqrt(60))
        forecaster.forecast(at(minute))
    assert due == list(range(start + 60, start + 130))
    assert forecaster.answered == before + len(due)


@pytest.mark.parametrize(
    ("realized", "forecast", "loss"),
    [
        (1.0, 1.0, 0.0),
        (2.0, 1.0, 0.30685281944005469),  # 2 - log 2 - 1
        (1.0, 2.0, 0.19314718055994531),  # 1/2 + log 2 - 1
        (5e-6, 2e-5, 0.63629436111989061),  # 1/4 + log 4 - 1
        (0.0, HORIZON_MINUTES * VARIANCE_FLOOR, 0.0),
    ],
)
def test_qlike_by_hand(realized: float, forecast: float, loss: float) -> None:
    assert qlike(realized, forecast) == pytest.approx(loss, rel=1e-14, abs=1e-16)


def test_a_flat_hour_has_a_finite_loss() -> None:
    assert qlike(0.0, 1.0) == pytest.approx(-log(60e-12) - 1)


def test_the_baseline_is_60_times_the_ewma_of_squared_returns() -> None:
    returns = some_returns(500, seed=4)
    forecasts, outcomes = run(Forecaster("log_har"), returns)
    ewma = PRIOR_VARIANCE
    expected = [60 * ewma]
    for minute, log_return in enumerate(returns, start=1):
        ewma += max(0.005, 1 / (10 + minute)) * (log_return**2 - ewma)
        expected.append(60 * ewma)
    assert [forecast.variance_ewma for forecast in forecasts] == pytest.approx(expected, rel=1e-13, abs=0)
    assert outcomes[499].volatility_ewma == pytest.approx(sqrt(expected[439]), rel=1e-13, abs=0)


def test_before_it_has_learned_the_model_leans_on_its_prior() -> None:
    first = Forecaster("log_har").forecast(at(0))
    assert 0.5 < first.variance / (HORIZON_MINUTES * PRIOR_VARIANCE) < 2


def signals(candles: list[Candle]) -> list[bytes]:
    engine = Engine(SYMBOL, EngineConfig(), DECIMALS)
    return [encode_signal(answer) for answer in map(engine.step, candles) if isinstance(answer, Signal)]


def test_no_forecast_changes_when_later_candles_are_cut_off_or_scrambled() -> None:
    candles = walk(1_200, seed=5)
    whole = signals(candles)
    for cut in (1, 59, 60, 61, 700, 1_000):
        other = walk(1_200, seed=6, start=9.0, step=0.05)[cut:]
        assert signals(candles[:cut]) == whole[:cut]
        assert signals(candles[:cut] + other)[:cut] == whole[:cut]
        assert signals(candles[:cut] + other)[cut:] != whole[cut:]


def test_the_returns_are_logarithms_of_closes() -> None:
    candles = walk(62, seed=7)
    engine = Engine(SYMBOL, EngineConfig(), DECIMALS)
    outcomes = [answer.outcome for answer in map(engine.step, candles) if isinstance(answer, Signal) and answer.outcome]
    squares = [log(after.close / before.close) ** 2 for before, after in pairwise(candles)]
    assert [one.realized_volatility for one in outcomes] == pytest.approx([sqrt(fsum(squares[:60])), sqrt(fsum(squares[1:]))])
