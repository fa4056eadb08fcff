"""Which faults are in effect, and which have affected a client."""

from volcast.simulation.exchange.active_faults import ActiveFaults
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind

CUT, HOLE = FaultKind.CUT, FaultKind.SEQUENCE_HOLE


def test_a_fault_is_active_as_long_as_it_lasts_and_is_recorded_once() -> None:
    now_s = [100.0]
    recorded: list[ExchangeFault] = []
    active_faults = ActiveFaults(lambda: now_s[0], recorded.append)
    fault = ExchangeFault(100.0, HOLE, 10.0)
    active_faults.begin(fault)
    assert not active_faults.none_active()
    assert active_faults.active(HOLE) == fault
    assert active_faults.active(CUT) is None
    assert not active_faults.happened
    assert [active_faults.use(HOLE), active_faults.use(HOLE)] == [fault, fault]
    assert recorded == [fault]
    now_s[0] = 110.0
    assert active_faults.use(HOLE) is None
    assert active_faults.none_active()
    assert active_faults.happened == {"sequence_hole": 1}


def test_of_two_faults_of_a_kind_the_one_that_ends_later_counts() -> None:
    active_faults = ActiveFaults(lambda: 0.0)
    long, short = ExchangeFault(0.0, HOLE, 50.0), ExchangeFault(0.0, HOLE, 10.0)
    active_faults.begin(long)
    active_faults.begin(short)
    assert active_faults.active(HOLE) == long
