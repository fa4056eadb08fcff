"""The arena's forecasters and its protocol. The scorer here is a plain CRPS of the last price, not the competition's."""

from typing import Any

import numpy as np
import pytest

from bench.arena import EWMA, GAUSSIAN, TRACKER, VOLCAST, choose_period, compete, ewma, gaussian, report
from bench.candles import DAY_MINUTES, Simulated, as_arrays
from volcast.core.arrays import Floats


class LastPrice:
    """Scores by the CRPS of the last price alone."""

    def __init__(self) -> None:
        self.frames: list[tuple[Floats, dict[str, Floats], dict[str, Any]]] = []

    def score(
        self, real: Floats, paths: dict[str, Floats], densities: dict[str, dict[int, Any]], seed: int
    ) -> dict[str, list[float]]:
        assert seed > 0
        self.frames.append((real, paths, densities))
        found = {name: [_crps(each[:, -1], float(real[-1])), 0.0] for name, each in paths.items()}
        return {**found, **{name: [0.0, 0.0] for name in densities}}


def _crps(x: Floats, y: float) -> float:
    x = np.sort(x)
    n = len(x)
    return float(np.abs(x - y).mean() - ((2 * np.arange(n) - n + 1) * x).sum() / n**2)


def test_each_whole_hour_is_answered_by_all() -> None:
    minutes = as_arrays(Simulated("BTCUSDT", 9, 1))
    judge = LastPrice()
    scores = compete(minutes, choose_period(minutes, None, 2), judge, every=12)
    assert set(scores) == {GAUSSIAN, EWMA, TRACKER, VOLCAST}
    assert {len(rows) for rows in scores.values()} == {len(judge.frames)} == {3}
    for real, paths, densities in judge.frames:
        assert real.shape == (61,)
        assert set(paths) == {GAUSSIAN, EWMA, VOLCAST}
        for each in paths.values():
            assert each.shape == (1_000, 61)
            assert each[:, 0] == pytest.approx(real[0])
        assert [len(each) for each in densities[TRACKER].values()] == [60, 12, 4, 2, 1]


def test_an_hour_after_a_gap_is_not_scored() -> None:
    minutes = as_arrays(Simulated("BTCUSDT", 9, 1))
    keep = np.ones(len(minutes.open_time_ms), bool)
    keep[8 * DAY_MINUTES + 30] = False
    cut = type(minutes)(minutes.symbol, minutes.open_time_ms[keep], minutes.numbers[keep])
    judge = LastPrice()
    compete(cut, choose_period(cut, None, 1), judge, every=1)
    assert len(judge.frames) < 3


def test_periods() -> None:
    minutes = as_arrays(Simulated("BTCUSDT", 12, 1))
    assert choose_period(minutes, None, 3) == (0, 9 * DAY_MINUTES - 1, 12 * DAY_MINUTES)
    assert choose_period(minutes, None, 100) == (0, 7 * DAY_MINUTES, 12 * DAY_MINUTES)
    short = as_arrays(Simulated("BTCUSDT", 7, 1))
    with pytest.raises(SystemExit, match="at least 8 days"):
        choose_period(short, None, 3)


def test_baselines_are_random_walks() -> None:
    random = np.random.default_rng(1)
    closes = 42_000 + np.cumsum(random.normal(0.0, 10.0, 5 * DAY_MINUTES + 1))
    paths = gaussian(closes, random)
    assert paths[:, 0] == pytest.approx(closes[-1])
    assert paths[:, -1].std() == pytest.approx(10 * np.sqrt(60), rel=0.1)
    assert np.log(ewma(100.0, 1e-6, random)[:, -1] / 100).std() == pytest.approx(1e-3 * np.sqrt(60), rel=0.1)


def test_the_report_compares_totals(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {GAUSSIAN: [[10.0, 1.0], [20.0, 1.0]], VOLCAST: [[9.0, 0.5], [18.0, 0.5]]}
    assert report(rows) == pytest.approx(14.0 / 16.0)
    assert "0.8750" in capsys.readouterr().out
