"""What a proof came to, in a few lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from .pipeline import PipelineStats
from .worker_log import FENCED, RESTORED, UNANSWERED

LONG_STOP_S = 5.0
"""An orderly end that takes longer is said."""
_UNDER_WAY_S = 0.2
"""What comes so soon after a kill was committed before it."""


class Counts(NamedTuple):
    """Of committed records."""

    candles: int
    signals: int
    rejects: int
    notices: int
    """That a symbol is being rebuilt, or whole again."""


@dataclass(frozen=True, slots=True)
class ProofReport:
    """Of one proof."""

    command: str
    """That does it again."""
    limits: str
    """What could not be done at this place; empty where all could."""
    counts: Counts | None
    """None where it did not come to the comparison."""
    tally: PipelineStats
    recoveries_s: Sequence[float]
    seconds: float
    difference: str | None
    """The first one, in words."""

    def lines(self) -> Iterator[str]:
        """For people; the last one is the verdict."""
        said = self.tally.said
        if self.counts:
            counts = self.counts
            yield f"compared   {counts.candles} records of candles, {counts.signals} signals, {counts.rejects} rejects"
        faults = (f"{number} × {kind.sentence}" for kind, number in self.tally.faults.most_common())
        yield f"faults     {', '.join(faults) or 'none'}"
        answers = f"{said[RESTORED]} restores, {said[FENCED]} fencings, {said[UNANSWERED]} commits without an answer"
        yield f"workers    {self.tally.kills} ended or killed, {answers}"
        if self.recoveries_s:
            times = f"median {median(self.recoveries_s):.1f} s, slowest {max(self.recoveries_s):.1f} s"
            yield f"recovery   from the end of a worker to new signals in all partitions: {times}"
        if self.tally.stops_s:
            slowest_s = max(self.tally.stops_s)
            late = f", which is more than {LONG_STOP_S:.0f} s" if slowest_s > LONG_STOP_S else ""
            yield f"stop       after TERM: slowest {slowest_s:.1f} s{late}"
        if self.limits:
            yield f"limits     {self.limits}"
        yield f"took       {self.seconds:.0f} s"
        yield f"again      {self.command}"
        yield f"NOT EXACT: {self.difference}" if self.difference else "EXACT"


def recoveries(
    killed_at_s: Sequence[float], disturbed_at_s: Sequence[float], arrivals_s: Mapping[int, Sequence[float]]
) -> list[float]:
    """From each kill: seconds until every partition had a new signal.

    Left out are those in which something else happened before it was over: another kill, or what stands in `disturbed_at_s`; and
    those after which a partition had no new signal at all, as the candles had come to their end.

    >>> recoveries([10.0, 20.0], [21.0], {0: [9.0, 10.1, 11.5, 22.0], 1: [9.0, 12.0, 22.0]})
    [2.0]
    """
    took_s = []
    for killed_s in killed_at_s:
        firsts = [next((at_s for at_s in times if at_s > killed_s + _UNDER_WAY_S), None) for times in arrivals_s.values()]
        found = [at_s for at_s in firsts if at_s is not None]
        if len(found) < len(firsts):
            continue
        if not any(killed_s < at_s < max(found) for at_s in (*killed_at_s, *disturbed_at_s)):
            took_s.append(max(found) - killed_s)
    return took_s
