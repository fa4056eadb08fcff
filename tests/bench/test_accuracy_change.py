"""The comparison of forecasts: the same tree forecasts the same, a planted fault is found, and what cannot be told is no pass."""

import shutil
from pathlib import Path

import pytest

from bench.accuracy import Figures, figures
from bench.accuracy_change import ForecastError, Pair, change_table, compare_trees
from bench.candles import Simulated
from bench.revisions import PACKAGES, ROOT

MARKET = Simulated("BTCUSDT", 4, 7)
GOOD = Figures(0.2, 0.8, 0.8, 2.0, 0.7, 0.9, 0.9)
MODEL, LINE = "volcast/core/models/two_stage.py", "self._level(row) + self.center.predict_array(row),"
NOISY = "self._level(row) + self.center.predict_array(row) + float(row[_LEVEL]) * 1e6 % 1.0 - 0.5,"


def copy_of_the_tree(folder: Path) -> Path:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return folder


@pytest.mark.parametrize(
    ("now", "worse"),
    [
        (GOOD, []),
        (GOOD._replace(qlike=0.2019, winkler=0.9), []),
        (GOOD._replace(qlike=0.203), ["QLIKE"]),
        (GOOD._replace(winkler=0.95), ["Winkler"]),
        (GOOD._replace(qlike=float("nan")), ["QLIKE"]),
    ],
)
def test_what_loses_more_than_a_percent_is_worse(now: Figures, worse: list[str]) -> None:
    pair = Pair(GOOD, now)
    assert pair.worse() == worse
    assert ("**Worse" in change_table("v1", [MARKET], [pair])) is bool(worse)


def test_the_table_has_both_figures_of_each_market() -> None:
    text = change_table("v1", [MARKET], [Pair(GOOD, GOOD._replace(qlike=0.19))])
    assert "### Accuracy: this tree beside v1" in text
    assert "| BTCUSDT, 4 days | 0.2000 | 0.1900 | 0.9500 |" in text
    assert "The forecasts are the same." in change_table("v1", [MARKET], [Pair(GOOD, GOOD)])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_planted_noise_is_found_and_the_other_tree_forecasts_as_ever(tmp_path: Path) -> None:
    noisy = copy_of_the_tree(tmp_path / "tree")
    text = (noisy / MODEL).read_text()
    assert LINE in text
    (noisy / MODEL).write_text(text.replace(LINE, NOISY))
    (pair,) = compare_trees("the base", ROOT, noisy, [MARKET])
    assert pair.base.qlike == pytest.approx(figures(MARKET).qlike, rel=1e-9)
    assert "QLIKE" in pair.worse()


@pytest.mark.slow
def test_a_tree_that_does_not_run_is_told(tmp_path: Path) -> None:
    broken = copy_of_the_tree(tmp_path / "tree")
    (broken / "volcast/core/codec.py").write_text("this is not Python")
    with pytest.raises(ForecastError, match=r"(?s)the base cannot forecast: .*this is not Python"):
        compare_trees("the base", broken, ROOT, [MARKET])
