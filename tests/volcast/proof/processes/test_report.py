"""The report of a proof."""

from collections import Counter

from volcast.proof.processes.faults import ProcessFaultKind
from volcast.proof.processes.pipeline import PipelineStats
from volcast.proof.processes.report import Counts, ProofReport, recoveries
from volcast.proof.processes.worker_log import FENCED, RESTORED

STATS = PipelineStats(
    Counter({ProcessFaultKind.KILL: 3, ProcessFaultKind.PAUSE: 1}),
    kills=3,
    stops_s=[0.2, 5.5],
    events=Counter({RESTORED: 7, FENCED: 2}),
)


def report(difference: str | None = None, limits: str = "", counts: Counts | None = None) -> list[str]:
    command = "volcast prove --seed 1"
    return list(ProofReport(command, limits, counts, STATS, [0.5, 6.25, 1.0], 61.4, difference).lines())


def test_the_report_of_a_proof_that_passes() -> None:
    assert report(counts=Counts(1_000, 990, 5, 0, {"har": 990})) == [
        "compared   1000 candle records, 990 signals, 5 rejects",
        "faults     3 × worker killed, 1 × worker paused for longer than its session",
        "workers    3 ended or killed, 7 restores, 2 fencings, 0 commits without a response, 0 takeovers by a standby",
        "recovery   from the end of a worker to new signals in all partitions: median 1.0 s, slowest 6.2 s",
        "stop       after SIGTERM: slowest 5.5 s, which is more than 5 s",
        "duration   61 s",
        "repeat     volcast prove --seed 1",
        "EXACT",
    ]


def test_signals_are_counted_by_model_if_several_led() -> None:
    counts = Counts(1_000, 990, 5, 0, {"har": 600, "ewma": 390})
    assert report(counts=counts)[1] == "models     390 signals by ewma, 600 signals by har"


def test_promotions_that_were_refused_are_no_faults() -> None:
    stats = PipelineStats(Counter({ProcessFaultKind.KILL: 3, ProcessFaultKind.PROMOTE: 0}), refused_promotions=2)
    lines = ProofReport("volcast prove", "", None, stats, [], 1.0, None).lines()
    assert next(lines) == "faults     3 × worker killed, 2 promotions refused"


def test_a_difference_is_the_last_line() -> None:
    assert report("partition 0: one signal too many")[-1] == "NOT EXACT: partition 0: one signal too many"


def test_faults_that_were_not_possible_are_reported() -> None:
    assert "limits     the broker is not ours" in report(limits="the broker is not ours")


def test_recovery_ends_with_a_signal_of_the_last_partition() -> None:
    assert recoveries([10.0], [], {0: [9.0, 10.5], 1: [9.9, 13.0, 14.0]}) == [3.0]


def test_a_signal_right_after_the_kill_is_not_a_recovery() -> None:
    assert recoveries([10.0], [], {0: [10.1, 12.0]}) == [2.0]


def test_disturbed_and_unfinished_recoveries_are_left_out() -> None:
    assert recoveries([10.0, 11.0], [], {0: [12.5]}) == [1.5]  # another kill before the recovery was over
    assert recoveries([10.0], [11.0], {0: [12.5]}) == []
    assert recoveries([10.0], [], {0: [12.5], 1: [9.0]}) == []  # no candles were left
    assert recoveries([], [], {0: [1.0]}) == []
