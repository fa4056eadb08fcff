"""The plan of faults: as many kills as requested, every possible kind at least once, and the same for the same seed."""

from itertools import pairwise

import pytest

from volcast.proof.processes.faults import ProcessFaultKind, plan

ALL = frozenset(ProcessFaultKind) - {ProcessFaultKind.PROMOTE}
ENDING_WORKERS = {ProcessFaultKind.TERM, ProcessFaultKind.KILL, ProcessFaultKind.BURST}


@pytest.mark.parametrize("kills", [1, 2, 3, 7, 200])
def test_workers_are_ended_as_often_as_requested(kills: int) -> None:
    for seed in range(20):
        faults = plan(seed, kills, ALL)
        assert sum(fault.kills for fault in faults) == kills
        assert all((fault.kills > 0) == (fault.kind in ENDING_WORKERS) for fault in faults)
        assert all(2 <= fault.kills <= 5 for fault in faults if fault.kind is ProcessFaultKind.BURST)


def test_a_plan_depends_on_its_seed_alone() -> None:
    assert plan(7, 50, ALL) == plan(7, 50, ALL)
    assert plan(7, 50, ALL) != plan(8, 50, ALL)


def test_every_possible_kind_happens_at_least_once() -> None:
    for seed in range(20):
        assert {fault.kind for fault in plan(seed, 8, ALL)} == ALL


def test_kinds_that_are_not_possible_do_not_happen() -> None:
    assert {fault.kind for fault in plan(1, 50, {ProcessFaultKind.PAUSE})} == {*ENDING_WORKERS, ProcessFaultKind.PAUSE}


def test_rare_kinds_happen_once_for_so_many_kills() -> None:
    faults = plan(1, 200, ALL)
    assert sum(fault.kind is ProcessFaultKind.BROKER for fault in faults) == 5
    assert sum(fault.kind is ProcessFaultKind.PAUSE for fault in faults) == 13


def test_faults_are_spread_over_all_candles() -> None:
    shares = [fault.share for fault in plan(1, 50, ALL)]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.05
    assert 0.95 < shares[-1] < 1
    assert max(later - earlier for earlier, later in pairwise(shares)) < 0.05


def test_models_are_promoted_as_often_as_requested_and_the_other_faults_stay() -> None:
    for seed in range(20):
        faults, others = plan(seed, 8, ALL, promotions=3), plan(seed, 8, ALL)
        kinds = [fault.kind for fault in faults]
        assert kinds.count(ProcessFaultKind.PROMOTE) == 3
        assert sorted(kinds) == sorted([ProcessFaultKind.PROMOTE] * 3 + [fault.kind for fault in others])


def test_each_kind_has_a_description_of_its_own() -> None:
    assert len({kind.description for kind in ProcessFaultKind}) == len(ProcessFaultKind)
