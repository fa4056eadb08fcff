"""Simulates many days in parallel, one process for each processor, and adds up their results."""

import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context

from volcast.proof.virtual_time import run_with_sockets

from .day import VenueProofConfig, VenueProofResult, simulate_day


@dataclass(slots=True)
class VenueProofTotals:
    """The results of all days so far, added up."""

    days: int = 0
    candles: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    failed: list[VenueProofResult] = field(default_factory=list)

    def add(self, result: VenueProofResult) -> None:
        """Add the result of one more day."""
        self.days += 1
        self.candles += result.candles
        self.counts += result.counts
        self.happened += result.happened
        if result.difference:
            self.failed.append(result)

    def lines(self) -> Iterator[str]:
        """Return the report without its last line, EXACT or NOT EXACT."""
        yield f"days       {self.days}"
        yield f"candles    {self.candles}, closed by {_counted(self.counts, ('flag', 'later_trade', 'rest', 'watermark'))}"
        yield f"besides    {_counted(self.counts, ('synthetic', 'revision', 'gap', 'missing_minutes'))}"
        yield f"events     {_counted(self.happened, sorted(self.happened))}"


def run_days(configs: list[VenueProofConfig], on_progress: Callable[[VenueProofTotals], None]) -> VenueProofTotals:
    """Simulate all days and return their totals. `on_progress` is called after each day.

    The result of a day depends on its seed alone, not on the process that simulated it.
    """
    totals = VenueProofTotals()
    workers = min(os.cpu_count() or 1, len(configs))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_quiet) as pool:
        days = [pool.submit(_simulate, config) for config in configs]
        try:
            for day in as_completed(days):
                totals.add(day.result())
                on_progress(totals)
        except BaseException:  # interrupted: a day takes long, so do not wait for it
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise
    totals.failed.sort(key=lambda result: result.seed)
    return totals


def _quiet() -> None:
    """Turn logging off, as the producer would log thousands of intended faults; leave Ctrl-C to the parent process."""
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _simulate(config: VenueProofConfig) -> VenueProofResult:
    return run_with_sockets(simulate_day(config))


def _counted(counts: Counter[str], names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"{counts[name]} × {name}" for name in names if counts[name]) or "nothing"
