"""The few lines in which a proof ends."""

from collections import Counter

from volcast.proof.processes.faults import ProcessFaultKind
from volcast.proof.processes.pipeline import PipelineStats
from volcast.proof.processes.report import Counts, ProofReport, recoveries
from volcast.proof.processes.worker_log import FENCED, RESTORED

TALLY = PipelineStats(
    Counter({ProcessFaultKind.KILL: 3, ProcessFaultKind.PAUSE: 1}),
    kills=3,
    stops_s=[0.2, 5.5],
    said=Counter({RESTORED: 7, FENCED: 2}),
)


def report(difference: str | None = None, limits: str = "", counts: Counts | None = None) -> list[str]:
    command = "volcast prove --seed 1"
    return list(ProofReport(command, limits, counts, TALLY, [0.5, 6.25, 1.0], 61.4, difference).lines())


def test_all_is_well() -> None:
    assert report(counts=Counts(1_000, 990, 5, 0)) == [
        "compared   1000 records of candles, 990 signals, 5 rejects",
        "faults     3 × a worker killed, 1 × a worker paused for longer than its session",
        "workers    3 ended or killed, 7 restores, 2 fencings, 0 commits without an answer",
        "recovery   from the end of a worker to new signals in all partitions: median 1.0 s, slowest 6.2 s",
        "stop       after TERM: slowest 5.5 s, which is more than 5 s",
        "took       61 s",
        "again      volcast prove --seed 1",
        "EXACT",
    ]


def test_a_difference_is_the_last_word() -> None:
    assert report("partition 0: one signal too many")[-1] == "NOT EXACT: partition 0: one signal too many"


def test_what_could_not_be_done_is_said() -> None:
    assert "limits     the broker is not ours" in report(limits="the broker is not ours")


def test_recovery_is_when_the_last_partition_is_back() -> None:
    assert recoveries([10.0], [], {0: [9.0, 10.5], 1: [9.9, 13.0, 14.0]}) == [3.0]


def test_what_was_under_way_at_the_kill_is_no_recovery() -> None:
    assert recoveries([10.0], [], {0: [10.1, 12.0]}) == [2.0]


def test_left_out_is_what_tells_of_something_else() -> None:
    assert recoveries([10.0, 11.0], [], {0: [12.5]}) == [1.5]  # struck again before it was over
    assert recoveries([10.0], [11.0], {0: [12.5]}) == []
    assert recoveries([10.0], [], {0: [12.5], 1: [9.0]}) == []  # no candle came any more
    assert recoveries([], [], {0: [1.0]}) == []
