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
QUANTILE_ROWS = (0, 1, 100, 311)


def recorded(folder: Path) -> dict[str, Any]:
    """Return what is recorded of a backtest, split into what is exact and what is not."""
    file = next(path for path in sample_files() if path.name.startswith("ETHUSDT"))
    outputs = [
        "--json",
        str(folder / "c.json"),
        "--forecasts",
        str(folder / "f.parquet"),
        "--quantiles",
        str(folder / "q.parquet"),
    ]
    result = CliRunner().invoke(main, ["backtest", str(file), "--models", "har_diurnal,ewma", *outputs])
    assert result.exit_code == 0, result.output
    (found,) = json.loads((folder / "c.json").read_text())["comparisons"]
    table, quantiles = pl.read_parquet(folder / "f.parquet"), pl.read_parquet(folder / "q.parquet")
    distribution = found["distribution"]
    return {
        "exact": {name: found[name] for name in COUNTS} | {name: found["facts"][name] for name in FACTS},
        "scores": {model["model"]: {name: model[name] for name in SCORES} for model in found["models"]},
        "forecasts": {str(row): list(table.row(row)[1:]) for row in ROWS},
        "families": {family["family"]: _of_family(family) for family in distribution["families"]},
        "touch": [[each["touched"], each["brier"]] for each in distribution["touch"]],
        "quantiles": {str(row): list(quantiles.row(row)[1:]) for row in QUANTILE_ROWS},
    }


def _of_family(family: dict[str, Any]) -> list[float]:
    """Return the CRPS, and the ratios of it and of its tails beside each simple distribution."""
    baselines = [ratio for each in family["baselines"] for ratio in (each["ratio"], each["tail_ratio"])]
    return [family["crps"], *baselines]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a backtest gives now."""
    return recorded(tmp_path_factory.mktemp("golden"))


def test_scores_and_forecasts_are_those_that_were_recorded(found: dict[str, Any]) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert found["exact"] == golden["exact"]
    for name, scores in golden["scores"].items():
        assert found["scores"][name] == pytest.approx(scores, rel=1e-6)
    for row, numbers in golden["forecasts"].items():
        assert found["forecasts"][row] == pytest.approx(numbers, rel=1e-6)


def test_quantiles_and_their_scores_are_those_that_were_recorded(found: dict[str, Any]) -> None:
    golden = json.loads(GOLDEN.read_text())
    for family, numbers in golden["families"].items():
        assert found["families"][family] == pytest.approx(numbers, rel=1e-5)
    for each, numbers in zip(found["touch"], golden["touch"], strict=True):
        assert each == pytest.approx(numbers, rel=1e-5)
    for row, numbers in golden["quantiles"].items():
        assert found["quantiles"][row] == pytest.approx(numbers, rel=1e-5, abs=1e-9)


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        GOLDEN.write_text(json.dumps(recorded(Path(temporary)), indent=1) + "\n")
    sys.exit()
