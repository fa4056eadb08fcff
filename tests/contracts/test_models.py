"""What every model of the table must be, seen through the `Learner` that an engine keeps it in."""

from functools import cache
from math import exp, isfinite, sin, tau
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.minutes import DAY, START, Minute, bad_weather, minutes, run_all, sound
from volcast.core.forecast.forecaster import Forecaster
from volcast.core.forecast.learner import Learner, ResolvedForecast
from volcast.core.market.clock import new_york_minute
from volcast.core.market.state import Market
from volcast.core.models import MODELS
from volcast.core.models.contract import Estimate, Model

ALL = pytest.mark.parametrize("name", MODELS)
HORIZONS = (15, 60, 240, 1_440)
REFUSED = (KeyError, TypeError, ValueError)
LARGEST = 40.0
"""Twice as much as a row of any market can hold."""


def learner(name: str, horizon: int = 60) -> Learner:
    return Learner(MODELS[name](horizon, None), horizon)


def feed(market: Market, rows: list[Minute], *learners: Learner) -> list[list[ResolvedForecast | None]]:
    """What each learner answers at each minute; all learn, all forecast."""
    answers = []
    for row in rows:
        market.push(*row)
        if row.log_return is None:
            for one in learners:
                one.forget_pending()
        answers.append([one.answer(market) for one in learners])
        for one in learners:
            one.predict(market)
    return answers


def taught(name: str, count: int = 400, horizon: int = 60, seed: int = 1) -> tuple[Learner, Market]:
    one, market = learner(name, horizon), Market(variances=True)
    feed(market, minutes(count, seed=seed), one)
    return one, market


@cache
def taught_once(name: str) -> Model:
    """To be looked at only."""
    return taught(name, 600)[0].model


def finite(estimate: Estimate) -> bool:
    return all(type(value) is float and isfinite(value) for value in estimate) and estimate.scale > 0 and estimate.spread > 0


def again(state: dict[str, Any]) -> dict[str, Any]:
    """As it comes back from a snapshot."""
    decoded: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    return decoded


@ALL
@pytest.mark.parametrize("horizon", HORIZONS)
def test_it_forecasts_before_it_has_learned_anything(name: str, horizon: int) -> None:
    market = Market(variances=True)
    for row in minutes(3):
        market.push(*row)
        model = MODELS[name](horizon, None)
        seen = model.row(market)
        assert seen.shape == (len(model.names),)
        assert seen.dtype == np.float64
        assert finite(model.estimate(seen))
        assert 0.1 < exp(model.estimate(seen).log_median) / (1.5e-3 * (horizon / 15) ** 0.5) < 10
    assert sound(learner(name, horizon).predict(market))


@ALL
def test_an_estimate_changes_nothing_and_leaves_its_row_alone(name: str) -> None:
    (one, market), (twin, twins_market) = taught(name), taught(name)
    before, row = one.model.dump(), one.model.row(market)
    kept = row.copy()
    estimates = {one.model.estimate(row) for _ in range(3)}
    assert len(estimates) == 1
    np.testing.assert_array_equal(row, kept)
    assert one.model.dump() == before
    feed(market, minutes(700)[400:], one)
    feed(twins_market, minutes(700)[400:], twin)
    assert one.dump() == twin.dump()


@ALL
def test_it_keeps_no_reference_to_its_rows_and_a_row_is_a_fresh_one(name: str) -> None:
    one, market = taught(name)
    row, other = one.model.row(market), one.model.row(market)
    made, copy = one.model.estimate(row), row.copy()
    one.model.learn(row, made, made.log_median + 0.3, 0.001)
    state = one.model.dump()
    row[:] = 7.0
    assert one.model.dump() == state
    np.testing.assert_array_equal(other, copy)


@ALL
@settings(deadline=None, max_examples=60)
@given(data=st.data(), trained=st.booleans())
def test_an_estimate_is_finite_whatever_the_row(name: str, data: st.DataObject, trained: bool) -> None:  # noqa: FBT001  # drawn
    model = taught_once(name) if trained else MODELS[name](60, None)
    width = len(model.names)
    drawn = data.draw(st.lists(st.floats(-LARGEST, LARGEST), min_size=width, max_size=width))
    assert finite(model.estimate(np.array(drawn)))


@ALL
def test_whatever_it_learns_from_its_estimates_stay_finite(name: str) -> None:
    """Absurd rows and answers for hundreds of samples; then a sensible answer comes back with sensible rows."""
    one, market = taught(name)
    model, sensible = one.model, one.model.row(market)
    rng = np.random.default_rng(1)
    for number in range(400):
        row = rng.uniform(-LARGEST, LARGEST, len(model.names))
        answer = float(rng.uniform(-14.0, 8.0))
        model.learn(row, model.estimate(row), answer, float(rng.normal()) * exp(min(answer, 5.0)))
        model.notice(START + number, float(rng.uniform(-25.0, 25.0)))
        assert finite(model.estimate(row))
        assert finite(model.estimate(sensible))
    assert abs(model.estimate(sensible).log_median) < 100


@pytest.mark.parametrize("price", [1e-6, 1e6])
def test_bad_weather_never_makes_a_forecast_that_is_no_number_or_explodes(price: float) -> None:
    """A crash of 30 %, a week that stands still without volume, an outage of ten hours; a forecast where a sample is kept."""
    champion, *others = MODELS
    forecaster = Forecaster(model=champion, shadows=others)
    predictions = list(run_all(forecaster, bad_weather(price), every_minutes=10))
    for name in MODELS:
        made = [one.horizons[60] if name == champion else one.shadows[name] for one in predictions]
        assert all(map(sound, made)), name
        assert max(one.variance for one in made) < 10, name
        assert 1e-3 < made[-1].variance / made[DAY // 10 - 1].variance < 1e3, name


@ALL
def test_its_rows_are_bounded_in_the_wildest_market(name: str) -> None:
    market, model = Market(variances=True), MODELS[name](60, None)
    for minute, row in enumerate(wildest(1_500)):
        market.push(*row)
        if minute % 10 == 9:
            assert np.abs(model.row(market)).max() <= LARGEST / 2


def wildest(count: int) -> list[Minute]:
    """Between the finest and the highest price that there is, and standing still in between."""
    rows, before = [], 1.0
    for i in range(count):
        price = before if i // 300 % 2 else (1e-12, 1e15)[i % 2]
        candle = (before, max(price, before), min(price, before), price, 1e12 * (i % 3))
        rows.append(Minute(START + i, candle, float(np.log(price / before)) if i else None))
        before = price
    return rows


@ALL
def test_it_comes_back_from_its_dump_to_the_last_bit_over_thousands_of_steps(name: str) -> None:
    rows = minutes(2_000, gaps=((300, 310), (1_950, 1_951)))
    market = Market(variances=True)
    ours = [learner(name, horizon) for horizon in HORIZONS]
    theirs = [learner(name, horizon) for horizon in HORIZONS]
    for start, end in ((0, 1), (1, 30), (30, 280), (280, 1_700), (1_700, 2_000)):
        for answers in feed(market, rows[start:end], *ours, *theirs):
            assert answers[:4] == answers[4:]
        theirs = [learner(name, horizon) for horizon in HORIZONS]
        for our, their in zip(ours, theirs, strict=True):
            their.load(again(our.dump()))
            assert their.dump() == our.dump()
            row = our.model.row(market)
            assert their.model.estimate(row) == our.model.estimate(row)


def plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(plain(item) for item in value)
    return type(value) in {int, float, bool, str, bytes, type(None)}


@ALL
@pytest.mark.parametrize("count", [1, 300])
def test_its_dump_is_plain(name: str, count: int) -> None:
    assert plain(taught(name, count)[0].dump())


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
            MODELS[name](60, None).load(state)
    state = again(taught(name)[0].model.dump())
    for part in state:
        with pytest.raises(REFUSED):
            MODELS[name](60, None).load({**state, part: {}})
        with pytest.raises(REFUSED):
            MODELS[name](60, None).load({key: value for key, value in state.items() if key != part})


@ALL
def test_two_of_them_share_nothing(name: str) -> None:
    fresh = MODELS[name](60, None).dump()
    one, market = taught(name)
    assert MODELS[name](60, None).dump() == fresh != one.model.dump()
    copy = learner(name)
    copy.load(one.dump())
    before = again(one.dump())
    copy_market = Market(variances=True)
    copy_market.load(again(market.dump()))
    feed(copy_market, minutes(700)[400:], copy)
    assert again(one.dump()) == before != copy.dump()


@ALL
def test_usual_is_the_rhythm_that_was_noticed_and_averages_to_about_nothing_over_a_week(name: str) -> None:
    model = MODELS[name](60, None)
    assert model.usual(START) == 0.0
    for minute in range(START, START + 60 * DAY, 3):
        model.notice(minute, 0.2 + rhythm(minute))
    week = [model.usual(minute) for minute in range(START, START + 7 * DAY, 10)]
    assert sum(week) / len(week) == pytest.approx(0.0, abs=0.05)
    assert model.usual(START + 500) == pytest.approx(rhythm(START + 500), abs=0.1)
    assert np.abs(np.array(week) - [rhythm(minute) for minute in range(START, START + 7 * DAY, 10)]).max() < 0.3


def rhythm(minute: int) -> float:
    """New York's."""
    return 0.5 * sin(tau * new_york_minute(minute) / DAY)


@ALL
def test_what_it_learned_can_be_written_down(name: str) -> None:
    one, _ = taught(name)
    coefficients, profiles = one.model.learned()
    assert all(isfinite(value) for part in coefficients.values() for value in part.values())
    assert all(isfinite(value) for values in profiles.values() for value in values)
    assert one.learned() == msgspec.json.decode(msgspec.json.encode(one.learned()), type=type(one.learned()))


@ALL
def test_it_follows_the_level_of_a_market(name: str) -> None:
    """Returns ten times as large make a median ten times as large, within a factor of two."""
    medians = []
    for times in (1.0, 10.0):
        market, one = Market(variances=True), learner(name)
        feed(market, scaled(minutes(DAY), times), one)
        medians.append(one.predict(market).median)
    assert 5 < medians[1] / medians[0] < 20


def scaled(rows: list[Minute], times: float) -> list[Minute]:
    """All log prices so many times as far from the first."""

    def price(value: float) -> float:
        return 100.0 * float((value / 100.0) ** times)

    made = []
    for minute, (open_, high, low, close, volume), log_return in rows:
        candle = (price(open_), price(high), price(low), price(close), volume)
        made.append(Minute(minute, candle, None if log_return is None else times * log_return))
    return made
