"""Scenario paths of the signals of an engine."""

import msgspec
import numpy as np
import pytest

from tests.api.signals import signals
from volcast.core.forecast.distribution.scenarios import scenario_paths

SIGNAL = signals(61)[-1]


@pytest.mark.parametrize("horizon", [None, 15, 240])
def test_paths_are_of_the_signal_and_its_horizon(horizon: int | None) -> None:
    paths = scenario_paths(SIGNAL, 2_000, 7, horizon_minutes=horizon)
    assert paths.close.shape == (2_000, 1 + (horizon or 60))
    assert (paths.close[:, 0] == SIGNAL.close).all()
    found = {each.horizon_minutes: each for each in SIGNAL.other_horizons}.get(horizon or 0, SIGNAL)
    middle = found.quantiles.levels.index(0.5)
    assert np.median(paths.realized_volatility()) == pytest.approx(found.quantiles.realized_volatility[middle], rel=0.06)
    assert np.median(paths.log_return()) == pytest.approx(found.quantiles.log_return[middle], abs=0.2 * found.volatility)


def test_a_profile_moves_the_variance() -> None:
    flat, steep = [0.0] * 288, [0.02 * k for k in range(144)] * 2
    late = [
        np.diff(np.log(scenario_paths(SIGNAL, 2_000, 7, profile=each).close), axis=1).var(axis=0)[30:].sum()
        for each in (flat, steep)
    ]
    assert late[0] != pytest.approx(late[1], rel=0.02)


def test_a_horizon_that_is_not_forecast_and_a_suspect_price_are_refused() -> None:
    with pytest.raises(ValueError, match="no forecast for 30 minutes; its horizons are 60, 15, 240"):
        scenario_paths(SIGNAL, 10, 7, horizon_minutes=30)
    with pytest.raises(ValueError, match="far outside the market's scale"):
        scenario_paths(msgspec.structs.replace(SIGNAL, suspect=True), 10, 7)
