"""The wrapped regression predicts as River's does, and its dump restores it."""

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from river import linear_model

from volcast.core.estimators.river_blr import RiverBlr


def rows(count: int, size: int = 12, seed: int = 1) -> list[dict[str, float]]:
    return [
        {f"x{i:02}": value for i, value in enumerate(row)}
        for row in np.random.default_rng(seed).normal(size=(count, size)).tolist()
    ]


def reloaded(model: RiverBlr) -> RiverBlr:
    again = RiverBlr()
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(model.dump())))
    return again


def test_it_predicts_as_river_does() -> None:
    wrapped, rivers = RiverBlr(alpha=2.0, beta=3.0), linear_model.BayesianLinearRegression(alpha=2.0, beta=3.0)
    for number, x in enumerate(rows(300)):
        assert wrapped.predict_one(x) == rivers.predict_one(x)
        wrapped.learn_one(x, x["x01"] - 0.1 * (number % 7))
        rivers.learn_one(x, x["x01"] - 0.1 * (number % 7))


def test_the_prediction_is_the_posterior_mean() -> None:
    model = RiverBlr(alpha=2.0, beta=3.0)
    samples = rows(200, size=4)
    for x in samples:
        model.learn_one(x, 1.0 + x["x00"])
    a, y = np.array([list(x.values()) for x in samples]), np.array([1.0 + x["x00"] for x in samples])
    mean = np.linalg.solve(2.0 * np.eye(4) + 3.0 * a.T @ a, 3.0 * a.T @ y)
    for x in rows(5, size=4, seed=2):
        assert model.predict_one(x) == pytest.approx(float(mean @ list(x.values())), rel=1e-6)


@pytest.mark.parametrize("count", [0, 1, 9, 300])
def test_a_dump_restores_the_state_to_the_last_bit_with_features_that_appear_later(count: int) -> None:
    model = RiverBlr()
    for x in rows(count, size=5):
        model.learn_one(x, x["x01"])
    again = reloaded(model)
    for number, x in enumerate(rows(400, seed=3)):
        if number % 90 == 0:
            again = reloaded(again)
            assert again.dump() == model.dump()
        assert again.predict_one(x) == model.predict_one(x)
        model.learn_one(x, x["x02"])
        again.learn_one(x, x["x02"])
    assert again.dump() == model.dump()


def test_the_state_of_something_else_is_refused() -> None:
    model = RiverBlr()
    model.learn_one({"a": 1.0}, 1.0)
    state = model.dump()
    for part in state:
        with pytest.raises(KeyError):
            RiverBlr().load({key: value for key, value in state.items() if key != part})
    with pytest.raises(ValueError, match="reshape"):
        RiverBlr().load({**state, "precision": bytes(8)})


def test_who_does_not_use_it_does_not_wait_for_its_imports() -> None:
    """River's linear models import scipy.stats, which takes longer than all that an engine needs."""
    script = "import sys, volcast.core.engine; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
