"""Scripts of faults: each kind that is possible at a venue, in turn, the same for the same seed."""

from random import Random

import pytest

from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.faults import FaultKind, kinds_of, make_script, random_fault


@pytest.mark.parametrize("venue", DIALECTS)
def test_a_script_has_each_kind_once_before_any_comes_again(venue: str) -> None:
    kinds = kinds_of(venue, tls=True)
    script = make_script(venue, Random(1), 1_000.0, 1_000.0 + 3_600.0 * len(kinds), 2.0, tls=True)
    assert len(script) == 2 * len(kinds)
    assert [fault.at_s for fault in script] == sorted(fault.at_s for fault in script)
    assert {fault.kind for fault in script[: len(kinds)]} == {fault.kind for fault in script[len(kinds) :]} == set(kinds)
    assert script == make_script(venue, Random(1), 1_000.0, 1_000.0 + 3_600.0 * len(kinds), 2.0, tls=True)


def test_faults_that_are_not_possible_at_a_venue_are_left_out() -> None:
    assert {FaultKind.MICROSECONDS, FaultKind.HTTP_418, FaultKind.SHUTDOWN_NOTICE} <= set(kinds_of("binance"))
    assert not {FaultKind.MICROSECONDS, FaultKind.HTTP_418, FaultKind.SHUTDOWN_NOTICE} & set(kinds_of("coinbase"))
    assert FaultKind.SEQUENCE_HOLE not in kinds_of("bitstamp")
    assert FaultKind.WRONG_CERTIFICATE not in kinds_of("okx")
    assert set(kinds_of("binance", tls=True)) == set(FaultKind)


def test_delays_are_short_where_a_client_cannot_notice_them() -> None:
    delays = {
        venue: [random_fault(FaultKind.LATE, Random(i), 0.0, venue).delay_s for i in range(50)] for venue in ("bitstamp", "okx")
    }
    assert max(delays["bitstamp"]) <= 1.5
    assert max(delays["okx"]) > 5.0
    assert min(delays["okx"]) <= 1.5


def test_each_kind_has_a_description() -> None:
    assert all(kind.description for kind in FaultKind)
