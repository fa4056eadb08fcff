"""Simulates one seed, or many, and reports the differences from the required output."""

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
    """The result of one seed."""

    seed: int
    difference: str | None
    """A sentence about the first difference from the required output; None where there is none."""
    trace: Trace
    """Every fault and every write that became visible, in order."""
    counts: Counter[str]


@dataclass(slots=True)
class LogProofTotals:
    """The results of many seeds added up."""

    seeds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Of all seeds together: commits, restores, fencings, rebalances, and how often each `LogFault` happened."""
    failed: list[LogProofResult] = field(default_factory=list)


def run_seeds(first: int, count: int, on_progress: Callable[[LogProofTotals], None] = lambda _: None) -> LogProofTotals:
    """Simulate `count` seeds starting at `first`, and return their totals. `on_progress` is called after each seed.

    A seed that failed fails again in the same way in `simulate_seed`.
    """
    totals = LogProofTotals()
    with _quiet():
        for seed in range(first, first + count):
            result = simulate_seed(seed)
            totals.seeds += 1
            totals.counts += result.counts
            if result.difference:
                totals.failed.append(result)
            on_progress(totals)
    return totals


def simulate_seed(seed: int, without: frozenset[Guarantee] = frozenset(), make_worker: MakeWorker = Worker) -> LogProofResult:
    """Return the result of one seed, which determines everything that happens.

    `without` takes guarantees of the log away, to check that the proof notices.
    """
    scenario = Scenario(seed, without, make_worker)
    with _quiet():
        try:
            difference = run(scenario.run())
        except Deadlock as deadlock:
            difference = str(deadlock)
    return LogProofResult(seed, difference, scenario.broker.trace, scenario.counts())


@contextmanager
def _quiet() -> Iterator[None]:
    """Turn logging off: the worker would log thousands of faults, which are intended here."""
    before = logging.root.manager.disable
    if before >= logging.CRITICAL:
        yield
        return
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)
