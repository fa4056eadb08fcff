"""Whether the hot core has become slower: `python -m bench.regression [--base REVISION]` compares this tree with an older one.

Both trees are measured in one run by the same program, `bench/hot_core.py`, in two ways:

- Processor time, as a multiple of a bare reference loop that runs before and after. The trees take turns; medians are compared.
  What seems slower is measured again before it counts.
- Instructions under `valgrind --tool=callgrind`, without the warm-up: what 2 N runs need more than N. These are the same on a
  busy machine, to 2 %.

The base is exported from git into a folder of its own, and compiled if this tree is. It is, unless named: the merge base with
`origin/main` or `main`; on that branch itself the last commit, if something is not committed; else the commit before. Prints a
Markdown table. Fails if anything takes more than 1.25 times what it took.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Self

from bench.hot_core import OPERATIONS, WEEK_MINUTES
from bench.revisions import ROOT, RevisionError, compile_core, default_base, exported

HOT_CORE = Path(__file__).with_name("hot_core.py")
LIMIT, ROUNDS, AGAIN = 1.25, 15, 3


class MeasureError(Exception):
    """A tree cannot be measured; the message says which, and why."""


@dataclass
class Figures:
    """What one operation costs in one tree."""

    times: list[float] = field(default_factory=list)
    """Processor time of each round, in units of the reference loop."""
    instructions: float | None = None
    error: str = ""
    """Why this tree has no such operation."""

    @property
    def time(self) -> float | None:
        return median(self.times) if self.times else None


@dataclass(frozen=True)
class Comparison:
    """One operation in both trees."""

    name: str
    base: Figures
    tree: Figures

    @property
    def time_ratio(self) -> float | None:
        return _ratio(self.tree.time, self.base.time)

    @property
    def instruction_ratio(self) -> float | None:
        return _ratio(self.tree.instructions, self.base.instructions)

    def is_slower(self, limit: float) -> bool:
        return any(ratio is not None and ratio > limit for ratio in (self.time_ratio, self.instruction_ratio))


def _ratio(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now / before


class Tree:
    """A folder with the packages of one revision, and the process that measures it."""

    def __init__(self, name: str, root: Path, scratch: Path, *, minutes: int = WEEK_MINUTES) -> None:
        """Warm up for so many minutes of candles. Raises MeasureError if the tree cannot be run."""
        self.name, self.root, self.scratch = name, root, scratch
        self.warm = scratch / "warm.json"
        scratch.mkdir()
        # Warnings, settings and chance of the caller change nothing; one thread, and one order of sets.
        fixed = {"PYTHONPATH": str(root), "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        self._environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **fixed}
        done = subprocess.run(  # noqa: S603  # our own
            self._command("prepare", str(minutes)),
            env=self._environment,
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise MeasureError(f"{name} cannot be measured: {done.stderr.strip()}")
        found = json.loads(done.stdout)
        if Path(found["root"]) != root.resolve():
            raise MeasureError(f"{name} is in {root}, but Python imports {found['root']}: is PYTHONPATH ignored?")
        self.is_compiled: bool = found["compiled"]

    def _command(self, command: str, *arguments: str) -> list[str]:
        return [sys.executable, "-P", str(HOT_CORE), command, str(self.warm), *arguments]

    def __enter__(self) -> Self:
        pipe, command = subprocess.PIPE, self._command("serve")
        self._server = subprocess.Popen(command, env=self._environment, cwd=self.scratch, stdin=pipe, stdout=pipe, text=True)  # noqa: S603
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.communicate()

    def ask(self, name: str) -> float | str:
        """Return the time of one run of an operation, in units of the reference loop; a text says why it cannot be run."""
        pipes = self._server.stdin, self._server.stdout
        if pipes[0] is None or pipes[1] is None:
            raise MeasureError("the measuring process has no pipes")
        print(name, file=pipes[0], flush=True)
        line = pipes[1].readline()
        if not line:
            raise MeasureError(f"{self.name}: the measuring process ended at '{name}' with {self._server.wait()}")
        answer: float | str = json.loads(line)
        return answer

    def start_counting(self, names: Sequence[str]) -> "subprocess.Popen[str]":
        """Start to count the instructions of these operations."""
        out = f"--callgrind-out-file={self.scratch / 'callgrind'}"
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", out, "--dump-before=getpriority"]
        command = [*valgrind, *self._command("count", *names)]
        return subprocess.Popen(command, env=self._environment, cwd=self.scratch, stderr=subprocess.PIPE, text=True)  # noqa: S603

    def counts(self, counting: "subprocess.Popen[str]", names: Sequence[str]) -> dict[str, float]:
        """Wait for the counts, and return by name the instructions of one run. `hot_core` says what each dump holds."""
        _, errors = counting.communicate()
        if counting.returncode:
            raise MeasureError(f"{self.name}: the instructions cannot be counted: {errors.strip()[-2_000:]}")
        found = {}
        for at, name in enumerate(names):
            once, twice = (_total(self.scratch / f"callgrind.{3 * at + dump}") for dump in (2, 3))
            found[name] = (twice - once) / OPERATIONS[name].counted
        return found


def _total(dump: Path) -> int:
    return next(int(line.split()[1]) for line in dump.read_text().splitlines() if line.startswith("totals:"))


def measure_times(base: Tree, tree: Tree, found: dict[str, Comparison], names: Sequence[str], rounds: int) -> None:
    """Add so many rounds of these operations to what was found. Each tree comes first in turn."""
    for turn in range(rounds + 1):
        for name in names:
            pairs = [(base, found[name].base), (tree, found[name].tree)]
            for each, figures in reversed(pairs) if turn % 2 else pairs:
                answer = figures.error or each.ask(name)
                if isinstance(answer, str):
                    figures.error = answer
                elif turn:  # the first round warms up
                    figures.times.append(answer)


def count_instructions(base: Tree, tree: Tree, found: dict[str, Comparison], names: Sequence[str]) -> None:
    """Add the instructions of these operations to what was found; both trees at once, since neither disturbs the other."""
    running = [(each, each.start_counting(names)) for each in (base, tree)]
    for each, counting in running:
        for name, instructions in each.counts(counting, names).items():
            (found[name].base if each is base else found[name].tree).instructions = instructions


def compare(base: Tree, tree: Tree, names: Sequence[str], *, rounds: int, counted: bool, limit: float) -> list[Comparison]:
    """Measure both trees. Raises MeasureError if this tree cannot run an operation, or if nothing can be compared."""
    found = {name: Comparison(name, Figures(), Figures()) for name in names}
    if rounds:
        with base, tree:
            measure_times(base, tree, found, names, rounds)
            slower = [name for name, one in found.items() if one.is_slower(limit)]
            if slower:
                measure_times(base, tree, found, slower, AGAIN * rounds)
    broken = [f"'{name}' cannot be run: {one.tree.error}" for name, one in found.items() if one.tree.error]
    if counted:
        count_instructions(base, tree, found, [name for name in names if OPERATIONS[name].counted and not found[name].base.error])
    results = list(found.values())
    if broken or all(one.time_ratio is None and one.instruction_ratio is None for one in results):
        raise MeasureError("\n".join(broken) or "the base has none of the operations: nothing was compared")
    return results


def table(results: Sequence[Comparison], base: Tree, tree: Tree, limit: float) -> str:
    """Return the comparison in Markdown."""
    kinds = ["compiled" if each.is_compiled else "pure Python" for each in (base, tree)]
    slower = [one.name for one in results if one.is_slower(limit)]
    verdict = (
        f"**More than {limit} × as slow: {', '.join(slower)}.**" if slower else f"Nothing takes more than {limit} × as long."
    )
    lines = [
        f"### Hot core: this tree beside {base.name}",
        "",
        f"{verdict} Base: {kinds[0]}; this tree: {kinds[1]}. Times are in thousandths of the reference loop.",
        "",
        "| operation | time, base | now | ratio | instructions, base | now | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for one in results:
        if one.base.error:
            lines.append(f"| {one.name} | new: the base answers {one.base.error} | | | | | |")
            continue
        times = [_cell(each.time and each.time * 1_000, ".2f") for each in (one.base, one.tree)]
        counts = [_cell(each.instructions, ",.0f") for each in (one.base, one.tree)]
        ratios = [_cell(each, ".3f", bold=each is not None and each > limit) for each in (one.time_ratio, one.instruction_ratio)]
        lines.append(f"| {' | '.join([one.name, *times, ratios[0], *counts, ratios[1]])} |")
    return "\n".join(lines) + "\n"


def _cell(value: float | None, form: str, *, bold: bool = False) -> str:
    text = "–" if value is None else format(value, form)
    return f"**{text}**" if bold else text


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and return the exit code: 1 if something has become slower, 2 if that cannot be told."""
    parser = argparse.ArgumentParser(prog="python -m bench.regression", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--base", help="a revision of git to compare with; by default the merge base with main")
    parser.add_argument("--limit", type=float, default=LIMIT, help="the ratio from which on something counts as slower")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of timing; 0 only counts instructions")
    parser.add_argument("--no-instructions", action="store_true", help="only measure times")
    parser.add_argument("--only", nargs="+", choices=OPERATIONS, default=list(OPERATIONS), metavar="OPERATION")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the tree; by default this one")
    parser.add_argument("--output", type=Path, help="a file for the table, too")
    given = parser.parse_args(arguments)
    try:
        report, is_slower = _compare_trees(given)
    except (MeasureError, RevisionError) as error:
        print(f"bench.regression: {error}", file=sys.stderr)
        return 2
    print(report)
    if given.output:
        given.output.write_text(report)
    return int(is_slower)


def _compare_trees(given: argparse.Namespace) -> tuple[str, bool]:
    counted = not given.no_instructions
    if counted and not shutil.which("valgrind"):
        raise MeasureError("instructions are counted by valgrind, which is not installed; --no-instructions only measures times")
    revision = given.base or default_base()
    with TemporaryDirectory(prefix="volcast-regression-") as scratch, exported(revision) as (name, folder):
        tree = Tree("this tree", given.root, Path(scratch, "tree"))
        if tree.is_compiled:
            compile_core(folder)
        base = Tree(name, folder, Path(scratch, "base"))
        results = compare(base, tree, given.only, rounds=given.rounds, counted=counted, limit=given.limit)
        return table(results, base, tree, given.limit), any(one.is_slower(given.limit) for one in results)


if __name__ == "__main__":
    sys.exit(main())
