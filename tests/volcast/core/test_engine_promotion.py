"""Promotions in an engine: any of them changes who leads, at the named candle, and nothing else."""

from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from tests.market import DECIMALS, SYMBOL, at, minutes_with_gaps, walk
from volcast.core import snapshot
from volcast.core.codec import encode_signal
from volcast.core.engine import Engine
from volcast.core.forecast.learner import WARM_OUTCOMES
from volcast.core.forecast.succession import MAX_WAITING_PROMOTIONS, Succession
from volcast.core.types import Candle, EngineConfig, Signal

MODELS = ("har", "ewma", "last")
CANDLES = walk(minutes_with_gaps(330, seed=5, share=0.008))
LAST_MINUTE = (CANDLES[-1].open_time_ms - at(0)) // 60_000


def config_of(model: str) -> EngineConfig:
    return EngineConfig(horizons=(15, 30), model=model, shadows=tuple(each for each in MODELS if each != model))


def new_engine(model: str = MODELS[0]) -> Engine:
    return Engine(SYMBOL, config_of(model), DECIMALS)


def step(engine: Engine, candle: Candle) -> Signal:
    signal = engine.step(candle)
    assert isinstance(signal, Signal)
    return signal


def comparable(signal: Signal) -> dict[str, object]:
    """All fields; challengers in any order. Only the alarms are judged apart: they are about one model's forecasts in a row."""
    fields = asdict(signal)
    del fields["drift_alarms"]
    return fields | {"shadows": {each.model: each for each in signal.shadows}}


@cache
def alone(model: str) -> list[dict[str, object]]:
    """The signals of an engine that has had this model as its own from the first candle on."""
    engine = new_engine(model)
    return [comparable(step(engine, candle)) for candle in CANDLES]


class Arrived(NamedTuple):
    """A promotion, and before which candle it arrives."""

    before: int
    model: str
    from_ms: int


promotions = st.lists(
    st.builds(
        Arrived,
        st.integers(0, len(CANDLES)),
        st.sampled_from(MODELS),
        st.integers(-5, LAST_MINUTE + 5).map(at),
    ),
    max_size=6,
).map(lambda some: sorted(some, key=lambda each: each.before))


def leader(arrived: list[Arrived], number: int) -> str:
    """The law: the last promotion before the candle counts, of those whose named candle it has reached."""
    found = [each.model for each in arrived if each.before <= number and each.from_ms <= CANDLES[number].open_time_ms]
    return found[-1] if found else MODELS[0]


@given(promotions, st.integers(0, len(CANDLES)))
@settings(max_examples=25, deadline=None)
def test_each_signal_is_that_of_an_engine_that_has_had_the_leader_from_the_first_candle_on(
    arrived: list[Arrived], cut: int
) -> None:
    """Whatever was promoted when, rollbacks included, and with a restart at any candle."""
    engine = new_engine()
    for number, candle in enumerate(CANDLES):
        for each in arrived:
            if each.before == number:
                engine.forecaster.promote(each.model, each.from_ms)
        if number == cut:
            raw = snapshot.encode_snapshot(engine, number)
            engine = snapshot.decode_snapshot(raw, SYMBOL, config_of(MODELS[0]), DECIMALS).engine
            assert snapshot.encode_snapshot(engine, number) == raw
        assert comparable(step(engine, candle)) == alone(leader(arrived, number))[number]


def test_at_the_named_candle_forecast_and_outcome_are_the_new_models_and_the_old_one_is_a_challenger() -> None:
    engine, since = new_engine(), 60
    engine.forecaster.promote("ewma", at(since))
    signals = [step(engine, candle) for candle in walk(since + 2)]
    before, first = signals[since - 1 : since + 1]
    assert (before.model, [each.model for each in before.shadows]) == ("har", ["ewma", "last"])
    assert (first.model, [each.model for each in first.shadows]) == ("ewma", ["har", "last"])
    assert first.outcome is not None
    forecasts = {each.open_time_ms: each.shadows[0].volatility for each in signals[:since]}
    assert first.outcome.volatility == forecasts[first.outcome.open_time_ms]
    assert first.shadows[0].outcomes == first.outcomes == before.outcomes + 1


def test_a_promotion_of_the_leader_changes_no_byte() -> None:
    engine, other = new_engine(), new_engine()
    for number, candle in enumerate(CANDLES):
        if number % 50 == 0:
            engine.forecaster.promote("har", candle.open_time_ms)
        assert encode_signal(step(engine, candle)) == encode_signal(step(other, candle))


def test_a_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^two_stage is none of the models har, ewma, last$"):
        new_engine().forecaster.promote("two_stage", 0)


def test_all_models_are_equally_warm_as_each_has_forecast_at_each_candle() -> None:
    engine = new_engine()
    for candle in CANDLES:
        step(engine, candle)
    assert len({tuple(each.outcomes for each in learners.values()) for learners in engine.forecaster.learners.values()}) == 1


def test_a_cold_model_does_not_lead_in_place_of_a_warm_one_until_it_is_warm() -> None:
    """No engine makes such a state, but a stored one may hold it."""
    engine = new_engine()
    candles = walk(1_475)
    for candle in candles[:1_470]:
        step(engine, candle)
    cold = engine.forecaster.learners["ewma"][15]
    cold.outcomes = WARM_OUTCOMES - 3
    engine.forecaster.promote("ewma", 0)
    leaders = [step(engine, candle).model for candle in candles[1_470:]]
    assert leaders == ["har", "har", "har", "ewma", "ewma"]


def test_a_succession_is_bounded() -> None:
    succession = Succession()
    for minute in range(MAX_WAITING_PROMOTIONS + 5):
        succession.add("har", minute)
    assert [from_ms for from_ms, _ in succession.waiting] == list(range(5, MAX_WAITING_PROMOTIONS + 5))
