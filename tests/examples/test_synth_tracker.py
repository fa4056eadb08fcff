"""The tracker for the competition: its densities, and a round of the game by crunch-synth where a bench has installed it."""

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.arena import SCORER
from bench.environment import installed_python
from examples.synth_tracker import HORIZONS, HOUR_S, HourForecaster, mixture
from volcast.core.arrays import Floats

ROOT = Path(__file__).parents[2]
START_S = 1_704_067_200
STEPS_S = (60, 300, 900, 1_800, 3_600)
ROUND = """
from crunch_synth import TrackerEvaluator
from examples.synth_tracker import VolcastTracker

START_S, STEPS_S = 1704067200, [60, 300, 900, 1800, 3600]
prices = [42000 + 40 * (k * k % 17 - 8) for k in range(400)]
game = TrackerEvaluator(VolcastTracker())
assert game.tracker.predict("BTC", 3600, 60) == []
game.tick({"BTC": [(START_S + 60 * k, float(prices[k])) for k in range(339)]})
game.enqueue_predictions("BTC", 3600, STEPS_S)
assert game.tracker.predict("BTC", 86400, 300) == []
game.tick({"BTC": [(START_S + 60 * k, float(prices[k])) for k in range(339, 400)]})
game.evaluate_quarantine("BTC")
print(game.overall_score_asset("BTC"), game.vol_score_asset("BTC"))
"""


def forecaster(minutes: int = 400) -> HourForecaster:
    made = HourForecaster("BTC")
    random = np.random.default_rng(1)
    for minute, price in enumerate(42_000 * np.exp(np.cumsum(0.0005 * random.standard_normal(minutes)))):
        made.push(START_S + 60 * minute, float(price))
    return made


def mean_size(density: dict[str, Any]) -> float:
    """Return E|x| of a mixture of normal densities around 0."""
    return float(sum(each["weight"] * each["density"]["params"]["scale"] for each in density["components"]) * np.sqrt(2 / np.pi))


def test_each_step_of_the_hour_has_a_density() -> None:
    made = forecaster()
    for step_s in STEPS_S:
        densities = made.densities(step_s)
        assert [each["step"] for each in densities] == list(range(step_s, HOUR_S + 1, step_s))
        for density in densities:
            assert len(density["components"]) == 3
            assert sum(each["weight"] for each in density["components"]) == pytest.approx(1.0)
            assert all(each["density"]["params"]["scale"] > 0 for each in density["components"])


def test_densities_widen_with_the_step_as_the_forecast_does() -> None:
    made = forecaster()
    sizes = [np.mean([mean_size(density) for density in made.densities(step_s)]) for step_s in STEPS_S]
    assert sizes == sorted(sizes)
    assert made.signal is not None
    assert made.signal.horizon_minutes == HORIZONS[0]
    assert sizes[-1] == pytest.approx(made.signal.close * made.signal.volatility_median * 0.8, rel=0.4)


def test_the_same_prices_give_the_same_densities() -> None:
    assert forecaster().densities(300) == forecaster().densities(300)


def test_a_price_that_is_not_newer_changes_nothing() -> None:
    made = forecaster()
    before = made.densities(300)
    made.push(START_S + 60 * 399, 50_000.0)
    made.push(START_S, 50_000.0)
    assert made.densities(300) == before


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), 4.2, 4.2e6])
def test_a_bad_price_is_skipped(price: float) -> None:
    made = forecaster()
    before = made.densities(300)
    made.push(START_S + 60 * 400, price)
    assert made.densities(300) == before
    assert made.signal is not None
    made.push(START_S + 60 * 401, made.signal.close * 1.0005)
    assert made.densities(300) != before


def test_without_a_price_there_is_no_density() -> None:
    assert HourForecaster("BTC").densities(60) == []


@pytest.mark.parametrize("step_s", [0, -60, 30, 420, 7_200])
def test_a_step_that_makes_no_hour_is_refused(step_s: int) -> None:
    with pytest.raises(ValueError, match="an hour is not made of steps"):
        forecaster(10).densities(step_s)


@pytest.mark.parametrize(
    "changes",
    [np.random.default_rng(1).standard_normal(20_000) * 7, np.random.default_rng(1).standard_t(4, 20_000), np.zeros(10)],
)
def test_a_mixture_has_the_mean_size_and_the_tails_of_the_changes(changes: Floats) -> None:
    density = mixture(changes)
    assert mean_size(density) == pytest.approx(np.abs(changes).mean(), rel=1e-6, abs=1e-9)
    parts = [(each["weight"], each["density"]["params"]["scale"]) for each in density["components"]]
    mean_square = sum(weight * scale**2 for weight, scale in parts)
    assert mean_square == pytest.approx((changes**2).mean(), rel=0.1, abs=1e-9)


def test_a_round_of_the_game() -> None:
    python = installed_python(SCORER)
    if python is None:
        pytest.skip(f"{SCORER} is not installed; `make bench-arena CANDLES=FILE` installs it")
    places = os.pathsep.join((str(ROOT), sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]))
    done = subprocess.run(
        [str(python), "-c", ROUND], env={**os.environ, "PYTHONPATH": places}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    price, volatility = map(float, done.stdout.split())
    assert 0 < volatility < price
