"""Which faults are at work, and which somebody felt."""

from volcast.simulation.exchange.active_faults import ActiveFaults
from volcast.simulation.exchange.faults import ExchangeFault, FaultKind

CUT, HOLE = FaultKind.CUT, FaultKind.SEQUENCE_HOLE


def test_a_fault_is_at_work_as_long_as_it_lasts_and_is_told_once_when_felt() -> None:
    now_s = [100.0]
    told: list[ExchangeFault] = []
    strikes = ActiveFaults(lambda: now_s[0], told.append)
    fault = ExchangeFault(100.0, HOLE, 10.0)
    strikes.begin(fault)
    assert not strikes.calm()
    assert strikes.active(HOLE) == fault
    assert strikes.active(CUT) is None
    assert not strikes.happened
    assert [strikes.feel(HOLE), strikes.feel(HOLE)] == [fault, fault]
    assert told == [fault]
    now_s[0] = 110.0
    assert strikes.feel(HOLE) is None
    assert strikes.calm()
    assert strikes.happened == {"sequence_hole": 1}


def test_of_two_of_a_kind_the_one_that_lasts_longer_counts() -> None:
    strikes = ActiveFaults(lambda: 0.0)
    long, short = ExchangeFault(0.0, HOLE, 50.0), ExchangeFault(0.0, HOLE, 10.0)
    strikes.begin(long)
    strikes.begin(short)
    assert strikes.active(HOLE) == long
