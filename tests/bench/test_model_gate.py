"""The gate of a pull request: the same model passes, one that was made worse does not, nor does a tree that cannot forecast."""

import shutil
from pathlib import Path

import pytest

from bench.model_gate import UNKNOWN, GateError, judge, main
from bench.revisions import PACKAGES, ROOT

DAYS = 8
RULE = ("--min-outcomes", "80", "--min-days", "3")
PLAIN = "return np.array([_log_volatility(market.ewma, design), 1.0])"
SPOILT = "return np.array([_log_volatility(market.ewma, design) + (market.minute // 60 % 2 * 2 - 1), 1.0])"


def changed_tree(folder: Path, before: str, after: str) -> Path:
    """Return a copy of this tree with a change in the model `ewma`, which is never compiled."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    file = folder / "volcast/core/models/textbook.py"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))
    return folder


@pytest.mark.timeout(600)
def test_the_same_model_passes_and_a_worse_one_does_not(tmp_path: Path) -> None:
    for name, tree, worse in (("same", ROOT, False), ("spoilt", changed_tree(tmp_path / "tree", PLAIN, SPOILT), True)):
        folder = tmp_path / name
        folder.mkdir()
        found, report = judge("main", ROOT, tree, folder, days=DAYS, model="ewma", rule=RULE)
        assert found is worse, report
        assert report.startswith("### The model of this tree beside that of main\n")
        assert "| changed |" in report


def test_too_few_outcomes_are_no_pass(tmp_path: Path) -> None:
    found, report = judge("main", ROOT, ROOT, tmp_path, days=2, model="ewma")
    assert found
    assert "500 are needed" in report


def test_a_tree_that_cannot_forecast_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = changed_tree(tmp_path / "tree", PLAIN, "raise RuntimeError('planted')")
    (tmp_path / "work").mkdir()
    with pytest.raises(GateError, match="this tree cannot forecast"):
        judge("main", ROOT, broken, tmp_path / "work", days=2, model="ewma")
    assert main(["--base", "no-such-revision"]) == UNKNOWN
    assert "no-such-revision" in capsys.readouterr().err
