"""The contract of all models, the examples of models of one's own included, with the `Learner` in which an engine uses them."""

from functools import cache
from math import exp, isfinite, sin, tau
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.minutes import DAY, START, Minute, all_predictions, extreme_market, is_valid, minutes
from volcast.cli.own_models.load import register_model
from volcast.core.forecast.forecaster import SymbolForecaster
from volcast.core.forecast.learner import Learner, ResolvedForecast
from volcast.core.market.clock import new_york_minute
from volcast.core.market.state import Market
from volcast.core.models import MODELS, create_model
from volcast.core.models.contract import Estimate, Model

OWN = [register_model(f"{Path(__file__).parents[2]}/examples/own_models.py:{label}") for label in ("ThreeSpeeds", "FastHar")]
"""The examples of docs/adding-a-model.md."""
NAMES = [*MODELS, *OWN]
ALL = pytest.mark.parametrize("name", NAMES)
HORIZONS = (15, 60, 240, 1_440)
REFUSED = (KeyError, TypeError, ValueError)
LARGEST = 40.0
"""Twice the largest number in a row of any market."""


def learner(name: str, horizon: int = 60) -> Learner:
    return Learner(create_model(name, horizon), horizon)


def feed(market: Market, rows: list[Minute], *learners: Learner) -> list[list[ResolvedForecast | None]]:
    """Run the learners over the rows, and return the forecast that each resolved at each minute."""
    resolved = []
    for row in rows:
        market.push(*row)
        if row.log_return is None:
            for one in learners:
                one.drop_pending()
        resolved.append([one.resolve(market) for one in learners])
        for one in learners:
            one.predict(market)
    return resolved


def trained(name: str, count: int = 400, horizon: int = 60, seed: int = 1) -> tuple[Learner, Market]:
    one, market = learner(name, horizon), Market(variances=True)
    feed(market, minutes(count, seed=seed), one)
    return one, market


@cache
def cached_model(name: str) -> Model:
    """Return a trained model, which must not be changed."""
    return trained(name, 600)[0].model


def finite(estimate: Estimate) -> bool:
    return all(type(value) is float and isfinite(value) for value in estimate) and estimate.scale > 0 and estimate.spread > 0


def through_bytes(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state as a snapshot restores it."""
    decoded: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    return decoded


@ALL
@pytest.mark.parametrize("horizon", HORIZONS)
def test_it_forecasts_before_it_has_learned_anything(name: str, horizon: int) -> None:
    market = Market(variances=True)
    for minute in minutes(3):
        market.push(*minute)
        model = create_model(name, horizon)
        row = model.row(market)
        assert row.shape == (len(model.names),)
        assert row.dtype == np.float64
        assert finite(model.estimate(row))
        assert 0.1 < exp(model.estimate(row).log_median) / (1.5e-3 * (horizon / 15) ** 0.5) < 10
    assert is_valid(learner(name, horizon).predict(market))


@ALL
def test_an_estimate_changes_neither_the_model_nor_its_row(name: str) -> None:
    (one, market), (twin, twin_market) = trained(name), trained(name)
    before, row = one.model.dump(), one.model.row(market)
    kept = row.copy()
    estimates = {one.model.estimate(row) for _ in range(3)}
    assert len(estimates) == 1
    np.testing.assert_array_equal(row, kept)
    assert one.model.dump() == before
    feed(market, minutes(700)[400:], one)
    feed(twin_market, minutes(700)[400:], twin)
    assert one.dump() == twin.dump()


@ALL
def test_it_keeps_no_reference_to_its_rows_and_each_row_is_new(name: str) -> None:
    one, market = trained(name)
    row, other = one.model.row(market), one.model.row(market)
    estimate, copy = one.model.estimate(row), row.copy()
    one.model.learn(row, estimate, estimate.log_median + 0.3, 0.001)
    state = one.model.dump()
    row[:] = 7.0
    assert one.model.dump() == state
    np.testing.assert_array_equal(other, copy)


@ALL
@settings(max_examples=60)
@given(data=st.data(), with_training=st.booleans())
def test_an_estimate_is_finite_for_any_row(name: str, data: st.DataObject, with_training: bool) -> None:  # noqa: FBT001  # drawn
    model = cached_model(name) if with_training else create_model(name, 60)
    width = len(model.names)
    drawn = data.draw(st.lists(st.floats(-LARGEST, LARGEST), min_size=width, max_size=width))
    assert finite(model.estimate(np.array(drawn)))


@ALL
def test_estimates_stay_finite_after_learning_from_absurd_rows(name: str) -> None:
    """After hundreds of absurd samples the estimate for a sensible row is still finite and of a sensible size."""
    one, market = trained(name)
    model, sensible = one.model, one.model.row(market)
    rng = np.random.default_rng(1)
    for number in range(400):
        row = rng.uniform(-LARGEST, LARGEST, len(model.names))
        log_volatility = float(rng.uniform(-14.0, 8.0))
        model.learn(row, model.estimate(row), log_volatility, float(rng.normal()) * exp(min(log_volatility, 5.0)))
        model.learn_profile(START + number, float(rng.uniform(-25.0, 25.0)))
        assert finite(model.estimate(row))
        assert finite(model.estimate(sensible))
    assert abs(model.estimate(sensible).log_median) < 100


@pytest.mark.parametrize("price", [1e-6, 1e6])
def test_an_extreme_market_never_gives_an_invalid_or_exploding_forecast(price: float) -> None:
    """A crash of 30 %, a week of constant prices without volume, an outage of ten hours; one forecast in ten minutes."""
    champion, *others = NAMES
    forecaster = SymbolForecaster(model=champion, shadows=others)
    predictions = list(all_predictions(forecaster, extreme_market(price), every_minutes=10))
    for name in NAMES:
        made = [one.horizons[60] if name == champion else one.shadows[name] for one in predictions]
        assert all(map(is_valid, made)), name
        assert max(one.variance for one in made) < 10, name
        assert 1e-3 < made[-1].variance / made[DAY // 10 - 1].variance < 1e3, name


@ALL
def test_rows_are_bounded_in_the_wildest_market(name: str) -> None:
    market, model = Market(variances=True), create_model(name, 60)
    for minute, row in enumerate(wildest(1_500)):
        market.push(*row)
        if minute % 10 == 9:
            assert np.abs(model.row(market)).max() <= LARGEST / 2


def wildest(count: int) -> list[Minute]:
    """Return minutes that jump between the smallest and the largest possible price, with constant prices in between."""
    rows, before = [], 1.0
    for i in range(count):
        price = before if i // 300 % 2 else (1e-12, 1e15)[i % 2]
        candle = (before, max(price, before), min(price, before), price, 1e12 * (i % 3))
        rows.append(Minute(START + i, candle, float(np.log(price / before)) if i else None))
        before = price
    return rows


@ALL
def test_a_dump_restores_the_learner_to_the_last_bit_over_thousands_of_steps(name: str) -> None:
    rows = minutes(2_000, gaps=((300, 310), (1_950, 1_951)))
    market = Market(variances=True)
    kept = [learner(name, horizon) for horizon in HORIZONS]
    restored = [learner(name, horizon) for horizon in HORIZONS]
    for start, end in ((0, 1), (1, 30), (30, 280), (280, 1_700), (1_700, 2_000)):
        for resolved in feed(market, rows[start:end], *kept, *restored):
            assert resolved[:4] == resolved[4:]
        restored = [learner(name, horizon) for horizon in HORIZONS]
        for one, again in zip(kept, restored, strict=True):
            again.load(through_bytes(one.dump()))
            assert again.dump() == one.dump()
            row = one.model.row(market)
            assert again.model.estimate(row) == one.model.estimate(row)


def plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(plain(item) for item in value)
    return type(value) in {int, float, bool, str, bytes, type(None)}


@ALL
@pytest.mark.parametrize("count", [1, 300])
def test_its_dump_is_plain(name: str, count: int) -> None:
    assert plain(trained(name, count)[0].dump())


@ALL
def test_it_does_not_grow_with_the_samples(name: str) -> None:
    one, market = learner(name), Market(variances=True)
    rows = minutes(1_200)
    feed(market, rows[:600], one)
    few = len(msgspec.msgpack.encode(one.dump()))
    feed(market, rows[600:], one)
    assert len(msgspec.msgpack.encode(one.dump())) - few <= 64
    assert few < 160_000


@ALL
def test_the_state_of_something_else_is_refused(name: str) -> None:
    for state in ({}, {"design": 1}, {"names": ["a"]}):
        with pytest.raises(REFUSED):
            create_model(name, 60).load(state)
    state = through_bytes(trained(name)[0].model.dump())
    for part in state:
        with pytest.raises(REFUSED):
            create_model(name, 60).load({**state, part: {}})
        with pytest.raises(REFUSED):
            create_model(name, 60).load({key: value for key, value in state.items() if key != part})


@ALL
def test_two_models_share_nothing(name: str) -> None:
    fresh = create_model(name, 60).dump()
    one, market = trained(name)
    assert create_model(name, 60).dump() == fresh != one.model.dump()
    copy = learner(name)
    copy.load(one.dump())
    before = through_bytes(one.dump())
    copy_market = Market(variances=True)
    copy_market.load(through_bytes(market.dump()))
    feed(copy_market, minutes(700)[400:], copy)
    assert through_bytes(one.dump()) == before != copy.dump()


@ALL
def test_the_seasonal_effect_is_learned_and_averages_to_about_zero_over_a_week(name: str) -> None:
    model = create_model(name, 60)
    assert model.seasonal_effect(START) == 0.0
    for minute in range(START, START + 60 * DAY, 3):
        model.learn_profile(minute, 0.2 + daily_pattern(minute))
    week = [model.seasonal_effect(minute) for minute in range(START, START + 7 * DAY, 10)]
    assert sum(week) / len(week) == pytest.approx(0.0, abs=0.05)
    assert model.seasonal_effect(START + 500) == pytest.approx(daily_pattern(START + 500), abs=0.1)
    assert np.abs(np.array(week) - [daily_pattern(minute) for minute in range(START, START + 7 * DAY, 10)]).max() < 0.3


def daily_pattern(minute: int) -> float:
    """Return a pattern by the time of New York's day."""
    return 0.5 * sin(tau * new_york_minute(minute) / DAY)


@ALL
def test_what_it_learned_survives_json(name: str) -> None:
    one, _ = trained(name)
    coefficients, profiles = one.model.learned()
    assert all(isfinite(value) for part in coefficients.values() for value in part.values())
    assert all(isfinite(value) for values in profiles.values() for value in values)
    assert one.learned() == msgspec.json.decode(msgspec.json.encode(one.learned()), type=type(one.learned()))


@ALL
def test_it_follows_the_level_of_a_market(name: str) -> None:
    """Returns that are ten times as large give a median ten times as large, within a factor of two."""
    medians = []
    for times in (1.0, 10.0):
        market, one = Market(variances=True), learner(name)
        feed(market, scaled(minutes(DAY), times), one)
        medians.append(one.predict(market).median)
    assert 5 < medians[1] / medians[0] < 20


def scaled(rows: list[Minute], times: float) -> list[Minute]:
    """Return the minutes with all log returns multiplied by `times`."""

    def price(value: float) -> float:
        return 100.0 * float((value / 100.0) ** times)

    made = []
    for minute, (open_, high, low, close, volume), log_return in rows:
        candle = (price(open_), price(high), price(low), price(close), volume)
        made.append(Minute(minute, candle, None if log_return is None else times * log_return))
    return made
