"""The report of a proof with real processes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from .pipeline import PipelineStats
from .worker_log import FENCED, RESTORED, TAKEN_OVER, UNANSWERED

LONG_STOP_S = 5.0
"""The report points out orderly stops that take longer."""
_ALREADY_COMMITTED_S = 0.2
"""A signal that arrives so soon after a kill was committed before it."""


class Counts(NamedTuple):
    """How many records of each kind are committed."""

    candles: int
    signals: int
    rejects: int
    notices: int
    """Notices that the rebuild of a symbol has begun, or is done."""
    models: Mapping[str, int]
    """The number of signals by the model that made them."""


@dataclass(frozen=True, slots=True)
class ProofReport:
    """The result of one proof."""

    command: str
    """The command that repeats the proof."""
    limits: str
    """What this backend did not allow; empty where everything was possible."""
    counts: Counts | None
    """None if the proof failed before the comparison."""
    stats: PipelineStats
    recoveries_s: Sequence[float]
    seconds: float
    difference: str | None
    """A sentence about the first difference from the required output; None where there is none."""

    def lines(self) -> Iterator[str]:
        """Return the report; its last line is EXACT or NOT EXACT."""
        events = self.stats.events
        if self.counts:
            counts = self.counts
            yield f"compared   {counts.candles} candle records, {counts.signals} signals, {counts.rejects} rejects"
            if len(counts.models) > 1:
                yield f"models     {', '.join(f'{number} signals by {name}' for name, number in sorted(counts.models.items()))}"
        faults = (f"{number} × {kind.description}" for kind, number in (+self.stats.faults).most_common())
        refused = f", {self.stats.refused_promotions} promotions refused" if self.stats.refused_promotions else ""
        yield f"faults     {', '.join(faults) or 'none'}{refused}"
        logged = f"{events[RESTORED]} restores, {events[FENCED]} fencings, {events[UNANSWERED]} commits without a response, "
        logged += f"{events[TAKEN_OVER]} takeovers by a standby"
        yield f"workers    {self.stats.kills} ended or killed, {logged}"
        if self.recoveries_s:
            times = f"median {median(self.recoveries_s):.1f} s, slowest {max(self.recoveries_s):.1f} s"
            yield f"recovery   from the end of a worker to new signals in all partitions: {times}"
        if self.stats.stops_s:
            slowest_s = max(self.stats.stops_s)
            late = f", which is more than {LONG_STOP_S:.0f} s" if slowest_s > LONG_STOP_S else ""
            yield f"stop       after SIGTERM: slowest {slowest_s:.1f} s{late}"
        if self.limits:
            yield f"limits     {self.limits}"
        yield f"duration   {self.seconds:.0f} s"
        yield f"repeat     {self.command}"
        yield f"NOT EXACT: {self.difference}" if self.difference else "EXACT"


def recoveries(
    killed_at_s: Sequence[float], disturbed_at_s: Sequence[float], arrivals_s: Mapping[int, Sequence[float]]
) -> list[float]:
    """Return for each kill the seconds until every partition had a new signal.

    Kills are left out where another kill or a time of `disturbed_at_s` falls into the recovery, and where a partition had no new
    signal at all, because the candles had come to their end.

    >>> recoveries([10.0, 20.0], [21.0], {0: [9.0, 10.1, 11.5, 22.0], 1: [9.0, 12.0, 22.0]})
    [2.0]
    """
    recoveries_s = []
    for killed_s in killed_at_s:
        begin_s = killed_s + _ALREADY_COMMITTED_S
        firsts_s = [next((at_s for at_s in times if at_s > begin_s), None) for times in arrivals_s.values()]
        found_s = [at_s for at_s in firsts_s if at_s is not None]
        if len(found_s) < len(firsts_s):
            continue
        if not any(killed_s < at_s < max(found_s) for at_s in (*killed_at_s, *disturbed_at_s)):
            recoveries_s.append(max(found_s) - killed_s)
    return recoveries_s
