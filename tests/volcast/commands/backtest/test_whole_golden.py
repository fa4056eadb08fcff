"""The scores and some forecasts of the bundled ETHUSDT candles are those that were recorded.

Counts and signals are exact. Floats may differ by a millionth: their last digits depend on the processor. To record them anew,
after a change that is meant to change them: `python -m tests.volcast.commands.backtest.test_whole_golden`.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from volcast.cli.main import main
from volcast.cli.wiring.pipeline import sample_files

GOLDEN = Path(__file__).parents[3] / "golden" / "backtest-sample-eth.json"
COUNTS = ("candles", "outcomes", "flat", "near_gaps", "unknown", "from_ms", "to_ms")
FACTS = ("rows", "accepted", "skipped", "gaps", "missing_minutes", "suspect_candles", "signal_ones", "signal_switches")
SCORES = ("qlike", "r2_log_median", "r2_level", "coverage", "winkler", "log_width", "price_coverage", "rmse_bp", "mae_bp")
ROWS = (0, 1, 60, 1_000, 10_000, 18_719)


def recorded(folder: Path) -> dict[str, Any]:
    """Return what is recorded of a backtest, split into what is exact and what is not."""
    file = next(path for path in sample_files() if path.name.startswith("ETHUSDT"))
    outputs = ["--json", str(folder / "c.json"), "--forecasts", str(folder / "f.parquet")]
    result = CliRunner().invoke(main, ["backtest", str(file), "--models", "har_diurnal,ewma", *outputs])
    assert result.exit_code == 0, result.output
    (found,) = json.loads((folder / "c.json").read_text())["comparisons"]
    table = pl.read_parquet(folder / "f.parquet")
    return {
        "exact": {name: found[name] for name in COUNTS} | {name: found["facts"][name] for name in FACTS},
        "scores": {model["model"]: {name: model[name] for name in SCORES} for model in found["models"]},
        "forecasts": {str(row): list(table.row(row)[1:]) for row in ROWS},
    }


def test_scores_and_forecasts_are_those_that_were_recorded(tmp_path: Path) -> None:
    golden, found = json.loads(GOLDEN.read_text()), recorded(tmp_path)
    assert found["exact"] == golden["exact"]
    for name, scores in golden["scores"].items():
        assert found["scores"][name] == pytest.approx(scores, rel=1e-6)
    for row, numbers in golden["forecasts"].items():
        assert found["forecasts"][row] == pytest.approx(numbers, rel=1e-6)


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        GOLDEN.write_text(json.dumps(recorded(Path(temporary)), indent=1) + "\n")
    sys.exit()
