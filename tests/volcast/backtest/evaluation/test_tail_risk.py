"""VaR, ES and their tests: right for a forecaster that knows the truth, rejected for one that does not."""

import numpy as np
import pytest
from scipy.stats import norm  # type: ignore[import-untyped]  # SciPy ships no types

from volcast.backtest.evaluation.tail_risk import (
    MIN_EXCEEDANCES,
    Losses,
    TailRisk,
    expected_shortfall,
    shortfall_statistic,
    sides,
    tail_risk,
)

N = 8_000
Z = float(norm.ppf(0.95))
ES_OF_NORMAL = float(norm.pdf(Z)) / 0.05
"""In standard deviations: 2.06."""


def losses(seed: int = 1, *, scale: float = 1.0, n: int = N) -> Losses:
    """Return losses of normal returns with a changing volatility, and the forecasts of someone who knows it, but for a factor."""
    rng = np.random.default_rng(seed)
    volatility = 0.005 * np.exp(0.5 * np.sin(np.arange(n) / 100.0))
    return Losses(volatility * rng.standard_normal(n), scale * Z * volatility, scale * volatility)


def judged(found: Losses, scored: np.ndarray | None = None) -> TailRisk:
    everything = np.ones(found.loss.size, np.bool_) if scored is None else scored
    return tail_risk("model", "long", found, everything, 0.05)


def test_a_forecaster_that_knows_the_truth_passes_every_test() -> None:
    found = judged(losses())
    assert found.exceedances / found.outcomes == pytest.approx(0.05, abs=0.008)
    assert found.mean_es_bp is not None
    assert found.mean_var_bp is not None
    assert found.mean_es_bp / found.mean_var_bp == pytest.approx(ES_OF_NORMAL / Z, rel=0.03)
    for p in (found.kupiec_p, found.christoffersen_p, found.conditional_p, found.z2_p, found.residual_p):
        assert p is not None
        assert p > 0.01


@pytest.mark.parametrize("scale", [0.8, 1.25])
def test_a_volatility_that_is_wrong_by_a_quarter_is_rejected(scale: float) -> None:
    found = judged(losses(scale=scale))
    assert found.kupiec_p is not None
    assert found.kupiec_p < 1e-3
    assert found.z2 is not None
    assert found.z2_p is not None
    assert found.z2_p < 1e-3
    assert (found.z2 < 0.0) == (scale < 1.0), "negative where risk is underestimated"


def test_tests_reject_the_truth_as_rarely_as_they_say() -> None:
    rejected = np.array(
        [[found.kupiec_p, found.z2_p, found.residual_p] for seed in range(150) for found in [judged(losses(seed, n=3_000))]],
        np.float64,
    )
    assert (rejected < 0.05).mean(axis=0) == pytest.approx([0.05, 0.05, 0.05], abs=0.06)


def test_losses_that_grow_beyond_their_history_are_seen() -> None:
    """VaR is right throughout, but in the second half the losses beyond it are larger."""
    found = losses()
    beyond = (found.loss > found.var) & (np.arange(N) > N // 2)
    found.loss[beyond] += 0.5 * found.volatility[beyond]
    result = judged(found, np.arange(N) > N // 2)
    assert result.kupiec_p is not None
    assert result.kupiec_p > 0.01
    assert result.residual is not None
    assert result.residual_p is not None
    assert result.residual > 0.1
    assert result.residual_p < 0.01


def test_expected_shortfall_by_a_plain_loop_and_without_the_future() -> None:
    found = losses(n=2_000)
    es = expected_shortfall(found)
    ratios: list[float] = []
    for i in range(2_000):
        expected = found.var[i] * np.mean(ratios) if len(ratios) >= MIN_EXCEEDANCES else np.nan
        assert es[i] == pytest.approx(expected, nan_ok=True)
        if found.loss[i] > found.var[i]:
            ratios.append(found.loss[i] / found.var[i])
    changed = Losses(found.loss.copy(), found.var, found.volatility)
    changed.loss[1_000:] *= 3.0
    assert expected_shortfall(changed)[:1_001] == pytest.approx(es[:1_001], nan_ok=True)


def test_z2_by_hand() -> None:
    loss = np.tile([0.03, -0.01, 0.0, 0.01], 25)
    z2, p = shortfall_statistic(loss, loss > 0.02, np.full(100, 0.04), 0.25)
    assert z2 == pytest.approx(1.0 - 25 * 0.03 / (100 * 0.25 * 0.04))
    assert 0.0 <= p <= 1.0


def test_few_exceedances_give_no_expected_shortfall() -> None:
    found = judged(losses(n=200))
    assert found.outcomes == 200
    assert found.kupiec_p is not None
    assert (found.mean_es_bp, found.z2, found.z2_p, found.residual_p) == (None, None, None, None)
    assert judged(losses(n=0)).kupiec_p is None


def test_sides_mirror_each_other() -> None:
    rng = np.random.default_rng(2)
    r, width = rng.standard_normal(500), np.ones(500)
    (_, long), (_, short) = sides(r, -1.5 * width, 1.2 * width, width)
    assert long.loss.tolist() == (-r).tolist()
    assert short.loss.tolist() == r.tolist()
    assert set(long.var) == {1.5}
    assert set(short.var) == {1.2}
