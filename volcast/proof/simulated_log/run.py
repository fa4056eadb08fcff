"""The verdict on one seed, and on many."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from consumer.worker import Worker
from volcast.proof.virtual_time import Deadlock, run

from .broker import Guarantee, Trace
from .scenario import MakeWorker, Scenario


@dataclass(frozen=True, slots=True)
class LogProofResult:
    """What came of a seed."""

    seed: int
    difference: str | None
    """The first difference from an undisturbed run, in words; None where there is none."""
    trace: Trace
    """Each fault, and each write that became visible, in order."""
    counts: Counter[str]


@dataclass(slots=True)
class LogProofTotals:
    """What came of many seeds."""

    seeds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Of all seeds together: commits, restores, fencings, rebalances, and of each `script.Fault` how often it happened."""
    failed: list[LogProofResult] = field(default_factory=list)


def run_seeds(first: int, count: int, progress: Callable[[LogProofTotals], None] = lambda _: None) -> LogProofTotals:
    """Simulate `count` seeds from `first` on; `progress` is called after each. One that failed fails again in `simulate_seed`."""
    summary = LogProofTotals()
    with _quiet():
        for seed in range(first, first + count):
            verdict = simulate_seed(seed)
            summary.seeds += 1
            summary.counts += verdict.counts
            if verdict.difference:
                summary.failed.append(verdict)
            progress(summary)
    return summary


def simulate_seed(seed: int, without: frozenset[Guarantee] = frozenset(), make_worker: MakeWorker = Worker) -> LogProofResult:
    """Run that seed; all that happens follows from it. `without` takes guarantees of the log away."""
    scenario = Scenario(seed, without, make_worker)
    with _quiet():
        try:
            difference = run(scenario.play())
        except Deadlock as deadlock:
            difference = str(deadlock)
    return LogProofResult(seed, difference, scenario.broker.trace, scenario.counts())


@contextmanager
def _quiet() -> Iterator[None]:
    """Faults are what is wanted here: no word of them in the process's log."""
    before = logging.root.manager.disable
    if before >= logging.CRITICAL:
        yield
        return
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)
