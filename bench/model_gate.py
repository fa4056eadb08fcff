"""Whether a change makes the model worse than it is in production: `python -m bench.model_gate [--base REVISION]`.

Both trees forecast the same simulated candles, each by its own `volcast backtest`, and `volcast compare` judges the outcomes by
the rule of the nightly comparison: worse means beyond chance. `bench/accuracy_change.py` has a fixed limit instead. The base is
the branch that the change goes to, so on the way from dev to test to production each step asks for itself. Prints the
comparison's Markdown. Exit codes: 0 not worse, 1 worse, 2 it cannot be told.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.revisions import ROOT, RevisionError, default_base, exported

DAYS, SYMBOLS, SEED = 40, "BTCUSDT,ETHUSDT", 42
"""Of the simulated market: enough for the 500 scored times of the rule."""
WORSE, UNKNOWN = 1, 2
BEFORE, AFTER = "production", "changed"
"""Names of the two models in the comparison."""


class GateError(Exception):
    """A tree cannot forecast, or the comparison cannot be made; the message says which, and why."""


def call(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `volcast` of a tree to its end."""
    environment = {**os.environ, "PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "volcast.cli.main", *words]  # -P: not the current folder's packages
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # the words are ours


def outcomes(name: str, root: Path, candles: Path, file: Path, model: str) -> None:
    """Write the scored outcomes of a tree's model. Raises GateError."""
    files = map(str, sorted(candles.glob("*.csv.gz")))
    done = call(root, "backtest", *files, "--model", model, "--models", model, "--outcomes", str(file), "--workers", "1")
    if done.returncode:
        raise GateError(f"{name} cannot forecast: {done.stderr.strip()[-2_000:]}")


def judge(
    name: str, base: Path, tree: Path, folder: Path, *, days: int = DAYS, model: str = "two_stage", rule: Sequence[str] = ()
) -> tuple[bool, str]:
    """Return whether the model of `tree` is worse than that of `base`, and the report. Raises GateError if it cannot be told."""
    candles = folder / "candles"
    made = call(tree, "generate", "--days", str(days), "--symbols", SYMBOLS, "--seed", str(SEED), "--out", str(candles))
    if made.returncode:
        raise GateError(f"there are no candles: {made.stderr.strip()[-2_000:]}")
    before, after, report = folder / "before.parquet", folder / "after.parquet", folder / "report.md"
    outcomes(name, base, candles, before, model)
    outcomes("this tree", tree, candles, after, model)
    given = ("--outcomes", f"{BEFORE}={before}", "--outcomes", f"{AFTER}={after}", "--champion", BEFORE)
    done = call(tree, "compare", *given, *rule, "--fail-if-worse", "--markdown", str(report))
    if done.returncode not in (0, WORSE) or not report.exists():
        raise GateError(f"the outcomes cannot be compared: {done.stderr.strip()[-2_000:]}")
    text = report.read_text(encoding="utf-8").replace(
        "# Comparison of models", f"### The model of this tree beside that of {name}", 1
    )
    return done.returncode == WORSE, text


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.model_gate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--base", help="a revision of git to compare with; by default the merge base with main")
    parser.add_argument("--output", type=Path, help="a file for the report, too")
    given = parser.parse_args(arguments)
    try:
        with exported(given.base or default_base()) as (name, base), TemporaryDirectory(prefix="volcast-gate-") as folder:
            worse, report = judge(name, base, ROOT, Path(folder))
    except (GateError, RevisionError) as error:
        print(f"bench.model_gate: {error}", file=sys.stderr)
        return UNKNOWN
    print(report)
    if given.output:
        given.output.write_text(report, encoding="utf-8")
    return int(worse)


if __name__ == "__main__":
    sys.exit(main())
