"""The plan of a proof: as many kills as were asked for, all that is possible at least once, and the same by seed."""

from itertools import pairwise

import pytest

from volcast.proof.processes.faults import ProcessFaultKind, plan

ALL = frozenset(ProcessFaultKind)
THAT_END_WORKERS = {ProcessFaultKind.TERM, ProcessFaultKind.KILL, ProcessFaultKind.BURST}


@pytest.mark.parametrize("kills", [1, 2, 3, 7, 200])
def test_workers_end_as_often_as_was_asked_for(kills: int) -> None:
    for seed in range(20):
        faults = plan(seed, kills, ALL)
        assert sum(fault.kills for fault in faults) == kills
        assert all((fault.kills > 0) == (fault.kind in THAT_END_WORKERS) for fault in faults)
        assert all(2 <= fault.kills <= 5 for fault in faults if fault.kind is ProcessFaultKind.BURST)


def test_the_seed_says_it_all() -> None:
    assert plan(7, 50, ALL) == plan(7, 50, ALL)
    assert plan(7, 50, ALL) != plan(8, 50, ALL)


def test_whatever_is_possible_strikes_at_least_once() -> None:
    for seed in range(20):
        assert {fault.kind for fault in plan(seed, 8, ALL)} == ALL


def test_what_is_not_possible_does_not() -> None:
    assert {fault.kind for fault in plan(1, 50, {ProcessFaultKind.PAUSE})} == {*THAT_END_WORKERS, ProcessFaultKind.PAUSE}


def test_the_broker_dies_now_and_then() -> None:
    faults = plan(1, 200, ALL)
    assert sum(fault.kind is ProcessFaultKind.BROKER for fault in faults) == 5
    assert sum(fault.kind is ProcessFaultKind.PAUSE for fault in faults) == 13


def test_they_are_spread_over_all_candles() -> None:
    shares = [fault.share for fault in plan(1, 50, ALL)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.05
    assert 0.95 < shares[-1] < 1
    assert max(later - earlier for earlier, later in pairwise(shares)) < 0.05


def test_each_kind_has_a_sentence() -> None:
    assert len({kind.sentence for kind in ProcessFaultKind}) == len(ProcessFaultKind)
