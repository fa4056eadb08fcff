"""What every forecaster of the table must be: a River regressor by River's own checks, and one that an engine can live with."""

import copy
import pickle
from collections.abc import Iterator
from math import isfinite
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import base, checks

from volcast.core.features import FEATURES, PRIOR_VARIANCE, VARIANCE_FLOOR
from volcast.core.models import MODELS, Model
from volcast.core.types import HORIZON_MINUTES

ALL = pytest.mark.parametrize("name", MODELS)
PRIOR = dict.fromkeys(FEATURES, PRIOR_VARIANCE)


def samples(count: int, seed: int = 1) -> Iterator[tuple[dict[str, float], float]]:
    """Features and answers with the scatter of a market: variances around the prior, within a factor of about a hundred."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        x = {name: float(PRIOR_VARIANCE * np.exp(rng.normal(0.0, 1.5))) for name in FEATURES}
        yield x, float(HORIZON_MINUTES * PRIOR_VARIANCE * np.exp(rng.normal(0.0, 1.5)))


def trained(name: str, count: int = 300, seed: int = 1) -> Model:
    model = MODELS[name]()
    for x, y in samples(count, seed):
        model.learn_one(x, y)
    return model


def sound(variance: float) -> bool:
    return type(variance) is float and isfinite(variance) and variance > 0


@ALL
def test_it_passes_every_check_of_river_and_asks_to_be_spared_none(name: str) -> None:
    model = MODELS[name]()
    assert isinstance(model, base.Regressor)
    assert set(model._unit_test_skips()) == set()
    checks.check_estimator(model)


@ALL
def test_it_forecasts_before_it_has_learned_anything(name: str) -> None:
    for x in ({}, PRIOR, {"variance_ewma": 1e-6}, *(x for x, _ in samples(20))):
        assert sound(MODELS[name]().predict_one(dict(x)))
    assert MODELS[name]().predict_one({}) == MODELS[name]().predict_one(PRIOR)


@ALL
def test_it_leaves_its_inputs_alone_and_keeps_no_reference_to_them(name: str) -> None:
    model, twin = MODELS[name](), MODELS[name]()
    for x, y in samples(50):
        before = dict(x)
        model.predict_one(x)
        model.learn_one(x, y)
        assert x == before
        twin.learn_one(before, y)
        x.clear()
        assert model.predict_one(PRIOR) == twin.predict_one(PRIOR)


@ALL
def test_a_forecast_changes_nothing(name: str) -> None:
    model, twin = trained(name), trained(name)
    first = [model.predict_one(x) for x, _ in samples(50, seed=2)]
    assert [model.predict_one(x) for x, _ in samples(50, seed=2)] == first
    for x, y in samples(50, seed=3):
        model.learn_one(x, y)
        twin.learn_one(x, y)
    assert model.predict_one(PRIOR) == twin.predict_one(PRIOR)
    assert model.dump() == twin.dump()


@ALL
def test_the_order_of_the_features_does_not_matter(name: str) -> None:
    model, other = MODELS[name](), MODELS[name]()
    for x, y in samples(100):
        backwards = dict(reversed(x.items()))
        model.learn_one(x, y)
        other.learn_one(backwards, y)
        assert model.predict_one(x) == other.predict_one(backwards)


@ALL
def test_a_clone_is_new_and_a_copy_shares_nothing(name: str) -> None:
    model = trained(name)
    fresh = cast("base.Estimator", model).clone()
    assert cast("Model", fresh).predict_one(PRIOR) == MODELS[name]().predict_one(PRIOR)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), reloaded(name, model.dump())):  # noqa: S301  # its own
        before = model.predict_one(PRIOR), model.dump()
        assert twin.predict_one(PRIOR) == before[0]
        for x, y in samples(50, seed=3):
            twin.learn_one(x, 100 * y)
        assert (model.predict_one(PRIOR), model.dump()) == before


def reloaded(name: str, state: dict[str, Any]) -> Model:
    model = MODELS[name]()
    model.load(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
    return model


@ALL
@pytest.mark.parametrize("count", [0, 1, 2, 7, 300])
def test_it_comes_back_from_its_dump_to_the_last_bit(name: str, count: int) -> None:
    model = trained(name, count)
    again = reloaded(name, model.dump())
    assert again.dump() == model.dump()
    for number, (x, y) in enumerate(samples(300, seed=4)):
        assert again.predict_one(x) == model.predict_one(x)
        model.learn_one(x, y)
        again.learn_one(x, y)
        if number % 50 == 0:
            assert again.dump() == model.dump()
            again = reloaded(name, again.dump())
    assert again.dump() == model.dump()


def plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(plain(item) for item in value)
    return type(value) in {int, float, bool, str, bytes, type(None)}


@ALL
@pytest.mark.parametrize("count", [0, 100])
def test_its_dump_is_plain(name: str, count: int) -> None:
    assert plain(trained(name, count).dump())


@ALL
def test_it_does_not_grow_with_the_samples(name: str) -> None:
    sizes = [
        (len(msgspec.msgpack.encode(model.dump())), len(pickle.dumps(model)))
        for model in (trained(name, n) for n in (100, 2_000))
    ]
    for few, many in zip(*sizes, strict=True):
        assert many - few <= 16
    assert max(sizes[1]) < 4_096


@ALL
@pytest.mark.parametrize("state", [{"names": 1}, {"learned": "x"}])
def test_the_state_of_something_else_is_refused_or_not_needed(name: str, state: dict[str, Any]) -> None:
    model = MODELS[name]()
    if model.dump():
        with pytest.raises((KeyError, ValueError)):
            model.load(state)


ANY = st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1e300, -1.0, VARIANCE_FLOOR, 1.0, float("inf"), float("nan")])
FEATURE_NAMES = st.sampled_from([*FEATURES, "unknown", "volume"])
VECTORS = st.dictionaries(FEATURE_NAMES, ANY)


@ALL
@settings(deadline=None, max_examples=200)
@given(vectors=st.lists(st.tuples(VECTORS, ANY), min_size=1, max_size=20))
def test_no_input_at_all_makes_a_forecast_that_is_not_positive_and_finite(
    name: str, vectors: list[tuple[dict[str, float], float]]
) -> None:
    model = MODELS[name]()
    for x, y in vectors:
        assert sound(model.predict_one(x))
        model.learn_one(x, y)
        assert sound(model.predict_one(x))
        assert sound(model.predict_one(PRIOR))


@ALL
def test_it_recovers_from_extremes(name: str) -> None:
    model = MODELS[name]()
    for number in range(2_000):
        extreme = (0.0, 1e300, 1e-300)[number % 3]
        model.learn_one(dict.fromkeys(FEATURES, extreme), extreme)
        assert sound(model.predict_one(dict.fromkeys(FEATURES, extreme)))
    for x, y in samples(5_000, seed=5):
        model.learn_one(x, y)
    assert 0.1 < model.predict_one(PRIOR) / (HORIZON_MINUTES * PRIOR_VARIANCE) < 10


@ALL
def test_unknown_features_change_nothing(name: str) -> None:
    model, other = MODELS[name](), MODELS[name]()
    for x, y in samples(50):
        model.learn_one(x, y)
        other.learn_one({**x, "volume": 7.0}, y)
        assert model.predict_one(x) == other.predict_one({**x, "spread": -3.0})
