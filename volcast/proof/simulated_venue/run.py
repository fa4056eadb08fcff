"""Many simulated days, side by side on all processors, and what they came to."""

import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context

from volcast.proof.virtual_time import run_with_sockets

from .day import VenueProofConfig, VenueProofResult, live_day


@dataclass(slots=True)
class VenueProofTotals:
    """All days so far."""

    days: int = 0
    candles: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    failed: list[VenueProofResult] = field(default_factory=list)

    def add(self, verdict: VenueProofResult) -> None:
        """One more day."""
        self.days += 1
        self.candles += verdict.candles
        self.counts += verdict.counts
        self.happened += verdict.happened
        if verdict.difference:
            self.failed.append(verdict)

    def lines(self) -> Iterator[str]:
        """For people; the verdict apart."""
        yield f"days       {self.days}"
        yield f"candles    {self.candles}, closed by {_counted(self.counts, ('flag', 'later_trade', 'rest', 'watermark'))}"
        yield f"beside     {_counted(self.counts, ('synthetic', 'revision', 'gap', 'missing_minutes'))}"
        yield f"happened   {_counted(self.happened, sorted(self.happened))}"


def run_days(wanted: list[VenueProofConfig], told: Callable[[VenueProofTotals], None]) -> VenueProofTotals:
    """Live through all of them; `told` hears after each. A day is told by its seed alone, whichever process lived through it."""
    summary = VenueProofTotals()
    workers = min(os.cpu_count() or 1, len(wanted))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_quiet) as pool:
        days = [pool.submit(_day, each) for each in wanted]
        try:
            for day in as_completed(days):
                summary.add(day.result())
                told(summary)
        except BaseException:  # interrupted: a day takes long, and nobody waits for it
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise
    summary.failed.sort(key=lambda verdict: verdict.seed)
    return summary


def _quiet() -> None:
    """What the producer logs of a thousand faults is nobody's news here; and Ctrl-C is the parent's business."""
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _day(wanted: VenueProofConfig) -> VenueProofResult:
    return run_with_sockets(live_day(wanted))


def _counted(counts: Counter[str], names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"{counts[name]} × {name}" for name in names if counts[name]) or "nothing"
