"""Tracked quantiles keep their share below, with and without drift."""

import numpy as np
import pytest

from volcast.core.forecast.quantiles import QuantileTracker, laplace_quantile


@pytest.mark.parametrize("level", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("drift", [0.0, 2e-4])
def test_the_share_below_is_the_level(level: float, drift: float) -> None:
    rng = np.random.default_rng(1)
    tracker = QuantileTracker(level, rate=0.05, start=0.0)
    below = 0
    for number in range(20_000):
        error = float(rng.standard_t(3)) + drift * number
        below += error < tracker.value
        tracker.learn(error)
    assert below / 20_000 == pytest.approx(level, abs=0.02)


def test_an_absurd_error_moves_the_quantile_no_further_than_another() -> None:
    tracker = QuantileTracker(0.95, rate=0.01, start=1.0)
    tracker.learn(1e300)
    assert tracker.value == pytest.approx(1.0095)


def test_quantiles_of_exponential_tails_are_symmetric() -> None:
    assert laplace_quantile(0.05) == pytest.approx(-laplace_quantile(0.95))
    assert np.exp(laplace_quantile(0.25)) == pytest.approx(0.5)
