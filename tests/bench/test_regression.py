"""The guard against slower code fails for a planted slow-down, and not for the same code; what cannot be compared is told."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bench.regression import Comparison, Figures, MeasureError, Tree, compare, main, table
from bench.revisions import PACKAGES, ROOT, default_base, exported

pytestmark = pytest.mark.timeout(900)
SLOWER, SAME = "encode a signal", "decode a candle"
PLANTED = """

_encode = encode_signal


def encode_signal(signal):
    _encode(signal)
    return _encode(signal)
"""


def copy_of_the_tree(folder: Path) -> Path:
    """The sources alone: what is compiled would be imported instead of what is planted."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return folder


def test_a_planted_slow_down_is_found_by_its_instructions_and_nothing_else_is(tmp_path: Path) -> None:
    if not shutil.which("valgrind"):
        pytest.skip("INSTRUCTIONS WERE NOT COUNTED: valgrind is not installed")
    roots = [copy_of_the_tree(tmp_path / name) for name in ("base", "tree")]
    with (roots[1] / "volcast/core/codec.py").open("a") as codec:
        codec.write(PLANTED)
    base, tree = (Tree(root.name, root, tmp_path / f"{root.name}-scratch", minutes=100) for root in roots)
    found = {one.name: one for one in compare(base, tree, [SLOWER, SAME], rounds=0, counted=True, limit=1.25)}
    assert found[SLOWER].instruction_ratio == pytest.approx(2.0, abs=0.1)
    assert found[SAME].instruction_ratio == pytest.approx(1.0, abs=0.05)  # collections of garbage fall anywhere
    assert [name for name, one in found.items() if one.is_slower(1.25)] == [SLOWER]
    assert "**More than 1.25 × as slow: encode a signal.**" in table(list(found.values()), base, tree, 1.25)


@pytest.mark.parametrize(
    ("base", "tree", "is_slower"),
    [
        (Figures([1.0, 9.0, 1.1]), Figures([1.2, 1.3, 0.9]), False),
        (Figures([1.0, 1.0, 1.0]), Figures([1.3, 1.3, 0.1]), True),
        (Figures([1.0], 1_000.0), Figures([1.0], 1_240.0), False),
        (Figures([1.0], 1_000.0), Figures([1.0], 1_260.0), True),
        (Figures([], 1_000.0), Figures([], 1_260.0), True),
        (Figures(error="AttributeError"), Figures([1.0], 1_000.0), False),
    ],
)
def test_the_median_time_and_the_instructions_decide(base: Figures, tree: Figures, is_slower: bool) -> None:  # noqa: FBT001  # a table
    assert Comparison("an operation", base, tree).is_slower(1.25) is is_slower


def test_times_are_measured_in_both_trees_and_an_operation_of_one_alone_is_told(tmp_path: Path) -> None:
    roots = [copy_of_the_tree(tmp_path / name) for name in ("base", "tree")]
    (roots[0] / "api/app.py").write_text("")
    base, tree = (Tree(root.name, root, tmp_path / f"{root.name}-scratch", minutes=100) for root in roots)
    names = [SAME, "Shard.process, a record", "answer /latest/SYMBOL"]
    results = compare(base, tree, names, rounds=1, counted=False, limit=1e9)
    assert [len(one.base.times) == len(one.tree.times) == 1 for one in results] == [True, True, False]
    assert results[2].base.error.startswith("ImportError: cannot import name 'create_app'")
    assert "| answer /latest/SYMBOL | new: the base answers ImportError" in table(results, base, tree, 1.25)
    with pytest.raises(MeasureError, match="'answer /latest/SYMBOL' cannot be run: ImportError"):
        compare(tree, base, names[2:], rounds=1, counted=False, limit=1e9)


def test_a_tree_that_does_not_run_is_no_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = copy_of_the_tree(tmp_path / "tree")
    (broken / "volcast/core/codec.py").write_text("this is not Python")
    assert main(["--base", "HEAD", "--root", str(broken), "--no-instructions"]) == 2
    assert "this tree cannot be measured" in capsys.readouterr().err


def test_an_unknown_revision_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--base", "no-such-revision", "--no-instructions"]) == 2
    assert "git cannot export no-such-revision" in capsys.readouterr().err


def test_the_base_is_an_earlier_revision_and_its_sources_are_exported() -> None:
    head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
    base = default_base()
    assert base == "HEAD" or base != head
    with exported(base) as (_, folder):
        assert {"volcast", "consumer"} <= {each.name for each in folder.iterdir()}
