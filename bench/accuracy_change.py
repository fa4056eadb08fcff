"""Whether forecasts have become better or worse: `python -m bench.accuracy_change [--base REVISION]` compares with an older tree.

Both trees forecast the same simulated markets, those of `bench/accuracy.py`, each in a process of its own. The base is that of
`bench/regression.py`. Prints a Markdown table. Fails if the QLIKE of a market, or the width that its intervals cost (the Winkler
score), is more than 1 % worse: figures do not depend on time, so that there is no noise beyond a last digit.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import volcast
from bench.accuracy import MARKETS, Figures, figures
from bench.candles import Simulated
from bench.revisions import ROOT, RevisionError, default_base, exported

LIMIT = 1.01


class ForecastError(Exception):
    """A tree cannot forecast; the message says which, and why."""


class Pair(NamedTuple):
    """The figures of one market in both trees."""

    base: Figures
    tree: Figures

    def worse(self) -> list[str]:
        """Return the losses that are worse than the limit allows. A figure that is no number is worse than any."""
        ratios = {"QLIKE": self.tree.qlike / self.base.qlike, "Winkler": self.tree.winkler / self.base.winkler}
        return [name for name, ratio in ratios.items() if not ratio <= LIMIT]


def start_figures(root: Path, markets: Sequence[Simulated]) -> "subprocess.Popen[str]":
    """Start to forecast with the packages of a folder."""
    paths = os.pathsep.join((str(root), str(ROOT)))  # the bench is always this one's
    fixed = {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **fixed}
    wanted = json.dumps([(each.symbol, each.days, each.seed) for each in markets])
    command = [sys.executable, "-P", "-m", "bench.accuracy_change", "--figures", wanted]
    # Neither tree is the current folder, from which nothing is imported.
    return subprocess.Popen(command, env=environment, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603


def answer_of(name: str, root: Path, running: "subprocess.Popen[str]") -> list[Figures]:
    """Wait for the figures. Raises ForecastError if the process fails, or has imported another tree."""
    output, errors = running.communicate()
    if running.returncode:
        raise ForecastError(f"{name} cannot forecast: {errors.strip()[-2_000:]}")
    found = json.loads(output)
    if Path(found["root"]) != root.resolve():
        raise ForecastError(f"{name} is in {root}, but Python imports {found['root']}")
    return [Figures(*each) for each in found["figures"]]


def compare_trees(name: str, base: Path, tree: Path, markets: Sequence[Simulated]) -> list[Pair]:
    """Forecast the markets with both trees at once."""
    trees = ((name, base), ("this tree", tree))
    with ExitStack() as stack:
        running = [stack.enter_context(start_figures(root, markets)) for _, root in trees]
        for process in running:
            stack.callback(process.kill)  # if the other one fails
        found = [answer_of(*each, process) for each, process in zip(trees, running, strict=True)]
    return [Pair(*each) for each in zip(*found, strict=True)]


def change_table(name: str, markets: Sequence[Simulated], pairs: Sequence[Pair]) -> str:
    """Return the comparison in Markdown."""
    worse = [
        f"{market.symbol}: {', '.join(found)}" for market, pair in zip(markets, pairs, strict=True) if (found := pair.worse())
    ]
    same = all(math.isclose(was, now, rel_tol=1e-9) for pair in pairs for was, now in zip(pair.base, pair.tree, strict=True))
    verdict = f"**Worse by more than {LIMIT - 1:.0%}: {'; '.join(worse)}.**" if worse else f"Nothing is worse by {LIMIT - 1:.0%}."
    lines = [
        f"### Accuracy: this tree beside {name}",
        "",
        "The forecasts are the same." if same else verdict,
        "",
        "| market | QLIKE, base | now | ratio | log R², base | now | coverage, base | now | Winkler to HAR, base | now |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for market, (base, tree) in zip(markets, pairs, strict=True):
        losses = (base.qlike, tree.qlike, tree.qlike / base.qlike, base.r2_log, tree.r2_log)
        intervals = (base.coverage, tree.coverage, base.winkler, tree.winkler)
        cells = (f"{cell:.4f}" for cell in (*losses, *intervals))
        lines.append(f"| {market.symbol}, {market.days} days | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and return the exit code: 1 if forecasts have become worse, 2 if that cannot be told."""
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy_change", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--base", help="a revision of git to compare with; by default the merge base with main")
    parser.add_argument("--output", type=Path, help="a file for the table, too")
    parser.add_argument(
        "--figures", metavar="JSON", help="only print the figures of these markets with the tree that is imported"
    )
    given = parser.parse_args(arguments)
    if given.figures:
        found = [figures(Simulated(*each)) for each in json.loads(given.figures)]
        print(json.dumps({"root": str(Path(volcast.__file__).resolve().parents[1]), "figures": found}))
        return 0
    markets = list(MARKETS)
    try:
        with exported(given.base or default_base()) as (name, folder):
            pairs = compare_trees(name, folder, ROOT, markets)
    except (ForecastError, RevisionError) as error:
        print(f"bench.accuracy_change: {error}", file=sys.stderr)
        return 2
    report = change_table(name, markets, pairs)
    print(report)
    if given.output:
        given.output.write_text(report)
    return int(any(pair.worse() for pair in pairs))


if __name__ == "__main__":
    sys.exit(main())
