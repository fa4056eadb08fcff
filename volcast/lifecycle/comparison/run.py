"""Runs the backtests of a comparison: `volcast backtest` in a process for each model, as many at a time as there are cores."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

_TOLD_LINES = 3


class BacktestFailedError(Exception):
    """A backtest ended with an error: one sentence for the user, with what it said."""


class BacktestOrder(NamedTuple):
    """What all backtests of a comparison have in common."""

    files: tuple[Path, ...]
    """Candle files."""
    arguments: tuple[str, ...] = ()
    """Of `volcast backtest`: symbols, settings, times."""
    workers: int = 1
    """Processes of each backtest, for its symbols."""


def run_backtest_of(order: BacktestOrder, model: str, outcomes: Path) -> None:
    """Run the backtest of one model, and write its scored outcomes. Raises BacktestFailedError."""
    command = [sys.executable, "-m", "volcast.cli.main", "backtest", *map(str, order.files), *order.arguments]
    command += ["--model", model, "--models", model, "--outcomes", str(outcomes), "--workers", str(order.workers)]
    environment = os.environ | {"VOLCAST_SHADOWS": ""}  # the setting may name this model, which then would be in its own shadow
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603  # the words are ours
    if done.returncode:
        lines = [line.removeprefix("volcast: ") for line in done.stderr.strip().splitlines() if line.startswith("volcast: ")]
        said = " ".join(lines) or " / ".join(done.stderr.strip().splitlines()[-_TOLD_LINES:]) or "it said nothing"
        raise BacktestFailedError(f"the backtest of {model} failed with exit code {done.returncode}: {said}")


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_backtests(order: BacktestOrder, models: Sequence[str], folder: Path, processes: int) -> list[Path]:
    """Run the backtests of several models, and return their outcome files in the order of the models.

    The first failure is raised when the backtests that were begun have ended: BacktestFailedError.
    """
    paths = [folder / f"outcomes-{number}.parquet" for number in range(len(models))]
    with ThreadPoolExecutor(max_workers=max(1, processes)) as pool:
        begun = [pool.submit(run_backtest_of, order, model, path) for model, path in zip(models, paths, strict=True)]
        try:
            for each in begun:
                each.result()
        except BacktestFailedError:
            pool.shutdown(cancel_futures=True)
            raise
    return paths
