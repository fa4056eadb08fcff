"""QLIKE against values computed by hand."""

from math import log

import pytest

from volcast.core.forecast.losses import qlike
from volcast.core.market.features import VARIANCE_FLOOR


@pytest.mark.parametrize(
    ("realized", "forecast", "loss"),
    [
        (1.0, 1.0, 0.0),
        (2.0, 1.0, 0.30685281944005469),  # 2 - log 2 - 1
        (1.0, 2.0, 0.19314718055994531),  # 1/2 + log 2 - 1
        (5e-6, 2e-5, 0.63629436111989061),  # 1/4 + log 4 - 1
        (0.0, 60 * VARIANCE_FLOOR, 0.0),
    ],
)
def test_qlike_by_hand(realized: float, forecast: float, loss: float) -> None:
    assert qlike(realized, forecast, 60) == pytest.approx(loss, rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("horizon", [15, 60, 1_440])
def test_a_flat_horizon_has_a_finite_loss(horizon: int) -> None:
    assert qlike(0.0, 1.0, horizon) == pytest.approx(-log(horizon * 1e-12) - 1)
