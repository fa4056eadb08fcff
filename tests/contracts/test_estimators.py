"""The contract of all estimators in `volcast.core.estimators`: River's own checks, and a state that can be stored."""

import copy
import pickle
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import isabstract
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import base, checks

from volcast.core import estimators
from volcast.core.estimators.diurnal_profile import DiurnalProfile
from volcast.core.estimators.gamma_regression import GammaRegression
from volcast.core.estimators.recursive_least_squares import RecursiveLeastSquares
from volcast.core.estimators.river_blr import RiverBlr

RIVER_NAMES = ["ordinal_date", "gallup", "ipsos", "morning_consult", "rasmussen", "you_gov"]
"""The features of the data set in River's checks."""
NAMES = ["minute", "a", "b"]
ESTIMATORS: dict[str, Callable[[list[str]], Any]] = {
    "RecursiveLeastSquares": RecursiveLeastSquares,
    "GammaRegression": GammaRegression,
    "DiurnalProfile": lambda names: DiurnalProfile(names[0]),
    "RiverBlr": lambda _: RiverBlr(),
}
ALL = pytest.mark.parametrize("name", ESTIMATORS)
NAMED = pytest.mark.parametrize("name", ["RecursiveLeastSquares", "GammaRegression"])
X = {"minute": 600.0, "a": 0.5, "b": -0.5}


def samples(count: int, seed: int = 1) -> Iterator[tuple[dict[str, float], float]]:
    for minute, (a, b, u) in enumerate(np.random.default_rng(seed).normal(size=(count, 3)).tolist()):
        yield {"minute": float(minute * 7 % 1_440), "a": a, "b": b}, 1.0 + abs(a + 0.1 * u)


def trained(name: str, count: int = 300, seed: int = 1) -> Any:
    model = ESTIMATORS[name](NAMES)
    for x, y in samples(count, seed):
        model.learn_one(x, y)
    return model


def reloaded(name: str, state: dict[str, Any]) -> Any:
    model = ESTIMATORS[name](NAMES)
    model.load(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
    return model


def test_every_estimator_is_tested_here() -> None:
    files = Path(estimators.__file__).parent.glob("*.py")
    modules = [import_module(f"{estimators.__name__}.{file.stem}") for file in files if file.stem != "__init__"]
    found = {
        name
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, base.Estimator) and value.__module__ == module.__name__
        if not isabstract(value)
    }
    assert found == set(ESTIMATORS)


@ALL
def test_it_passes_every_check_of_river_and_skips_none(name: str) -> None:
    model = ESTIMATORS[name](RIVER_NAMES)
    assert isinstance(model, base.Regressor)
    assert set(model._unit_test_skips()) == set()
    checks.check_estimator(model)


@ALL
def test_it_forecasts_before_it_has_learned_anything(name: str) -> None:
    for x in ({}, X):
        assert isfinite(ESTIMATORS[name](NAMES).predict_one(dict(x)))


@ALL
def test_it_neither_changes_its_inputs_nor_keeps_references_to_them(name: str) -> None:
    model, twin = ESTIMATORS[name](NAMES), ESTIMATORS[name](NAMES)
    for x, y in samples(50):
        before = dict(x)
        model.predict_one(x)
        model.learn_one(x, y)
        assert x == before
        twin.learn_one(before, y)
        x.clear()
        assert model.predict_one(X) == twin.predict_one(X)


@ALL
def test_predicting_changes_nothing(name: str) -> None:
    model, twin = trained(name), trained(name)
    first = [model.predict_one(x) for x, _ in samples(50, seed=2)]
    assert [model.predict_one(x) for x, _ in samples(50, seed=2)] == first
    for x, y in samples(50, seed=3):
        model.learn_one(x, y)
        twin.learn_one(x, y)
    assert model.predict_one(X) == twin.predict_one(X)
    assert model.dump() == twin.dump()


@ALL
def test_a_clone_is_new_and_a_copy_shares_nothing(name: str) -> None:
    model = trained(name)
    assert model.clone().predict_one(X) == ESTIMATORS[name](NAMES).predict_one(X)
    assert model.clone()._get_params() == model._get_params()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), reloaded(name, model.dump())):  # noqa: S301  # its own
        before = model.predict_one(X), model.dump()
        assert twin.predict_one(X) == before[0]
        for x, y in samples(300, seed=3):
            twin.learn_one(x, 100 * y)
        assert twin.predict_one(X) != before[0]
        assert (model.predict_one(X), model.dump()) == before


@ALL
@pytest.mark.parametrize("count", [0, 1, 2, 7, 300])
def test_a_dump_restores_the_state_to_the_last_bit(name: str, count: int) -> None:
    model = trained(name, count)
    again = reloaded(name, model.dump())
    assert again.dump() == model.dump()
    for number, (x, y) in enumerate(samples(300, seed=4)):
        assert again.predict_one(x) == model.predict_one(x)
        model.learn_one(x, y)
        again.learn_one(x, y)
        if number % 50 == 0:
            again = reloaded(name, again.dump())
    assert again.dump() == model.dump()


@ALL
def test_it_does_not_grow_with_the_samples(name: str) -> None:
    few, many = (trained(name, count) for count in (300, 2_000))
    assert len(msgspec.msgpack.encode(many.dump())) - len(msgspec.msgpack.encode(few.dump())) <= 32
    assert len(pickle.dumps(many)) - len(pickle.dumps(few)) <= 32


@ALL
def test_the_state_of_something_else_is_refused(name: str) -> None:
    for state in ({}, {"coefficients": 1}, {"means": "x", "visits": "y"}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            ESTIMATORS[name](NAMES).load(state)


@NAMED
def test_missing_and_unknown_features_are_counted_when_learning_only(name: str) -> None:
    model = ESTIMATORS[name](NAMES)
    model.predict_one({"c": 1.0})
    assert (model.missing, model.unknown) == (0, 0)
    model.learn_one({"a": 1.0, "c": 2.0, "d": 3.0}, 1.0)
    assert (model.missing, model.unknown) == (2, 2)
    again = reloaded(name, model.dump())
    assert (again.missing, again.unknown) == (2, 2)


@NAMED
def test_unknown_features_and_the_order_of_features_change_nothing(name: str) -> None:
    model, other = ESTIMATORS[name](NAMES), ESTIMATORS[name](NAMES)
    for x, y in samples(100):
        renamed = {"volume": 7.0, **dict(reversed(x.items()))}
        model.learn_one(x, y)
        other.learn_one(renamed, y)
        assert model.predict_one(x) == other.predict_one(renamed)


@NAMED
@settings(max_examples=100)
@given(
    vectors=st.lists(
        st.tuples(
            st.dictionaries(
                st.sampled_from([*NAMES, "unknown"]), st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), float("inf")])
            ),
            st.floats(-1e9, 1e9),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_predictions_are_finite_for_any_features(name: str, vectors: list[tuple[dict[str, float], float]]) -> None:
    model = ESTIMATORS[name](NAMES)
    for x, y in vectors:
        assert isfinite(model.predict_one(x))
        model.learn_one(x, y)
        assert isfinite(model.predict_one(x))
        assert isfinite(model.predict_one(X))


@NAMED
def test_a_repeated_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="twice"):
        ESTIMATORS[name](["a", "a"])


@NAMED
def test_results_do_not_depend_on_where_a_sample_lies_in_memory(name: str) -> None:
    """A row of a matrix may begin at any multiple of 8 bytes, and a restored engine has its rows elsewhere."""
    names = [f"x{index}" for index in range(15)]
    models = [ESTIMATORS[name](names) for _ in range(2)]
    for sample in np.random.default_rng(1).normal(size=(50, len(names))):
        for offset, model in enumerate(models):
            row = np.zeros(len(names) + 2)[offset:][: len(names)]
            row[:] = sample
            model.learn_array(row, 1.5)
    first, second = models
    assert first.dump() == second.dump()
