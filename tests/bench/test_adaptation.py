"""The adaptation bench: the switch knows no hour's loss before it has chosen for it, and the command prints a row a market."""

from pathlib import Path

import numpy as np
import pytest

from bench import adaptation
from bench.adaptation import forgetful, row, switched
from volcast.candle_files.writer import CandleWriter
from volcast.core.models.two_stage import TwoStage
from volcast.simulation.market import simulate_candles


def test_the_switch_chooses_by_the_hours_before() -> None:
    better = np.array([[1.0, 0.5]] * 10)
    assert switched(better, 3).share == 0.9
    assert switched(better[:, ::-1], 3) == (0.5, 0.0)
    nearly = np.array([[1.0, 0.99]] * 10)
    assert switched(nearly, 3).share == 0.0, "the copy must be better by 2 %"


def test_the_switch_returns_when_the_copy_is_worse() -> None:
    found = np.array([[1.0, 0.5]] * 200 + [[0.5, 1.0]] * 200)
    assert 0.5 < switched(found, 3).share < 0.75


def test_the_copy_forgets_six_times_as_fast() -> None:
    copy, champion = forgetful(60, None), TwoStage(60)
    assert isinstance(copy, TwoStage)
    assert copy.center.half_life == pytest.approx(champion.center.half_life / 6)


def test_a_row_has_the_losses_and_their_difference() -> None:
    cells = row("m", np.array([[0.2, 0.1], [0.2, 0.4]])).split(" | ")
    assert cells[:5] == ["| m", "2", "0.2000", "0.2500", "+0.0500 ± 0.2121"]


def test_the_command_compares_on_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "BTCUSDT.csv.gz"
    with CandleWriter(path) as writer:
        for time_ms, *numbers, _ in simulate_candles("BTCUSDT", minutes=3_000, seed=9, start_ms=1_704_067_200_000):
            writer.write(time_ms, *numbers)
    monkeypatch.setattr(adaptation, "BREAKS", ())
    assert adaptation.main(["--minutes", "2000", str(path)]) == 0
    *_, last = capsys.readouterr().out.strip().splitlines()
    assert last.startswith("| BTCUSDT.csv.gz, 2000 minutes | ")
