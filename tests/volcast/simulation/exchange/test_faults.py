"""Scripts of faults: each kind that makes sense at a venue, in turn, the same for the same seed."""

from random import Random

import pytest

from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.faults import FaultKind, draw, kinds_of, make_script


@pytest.mark.parametrize("venue", DIALECTS)
def test_a_script_has_each_kind_of_its_venue_before_one_comes_again(venue: str) -> None:
    kinds = kinds_of(venue, tls=True)
    script = make_script(venue, Random(1), 1_000.0, 1_000.0 + 3_600.0 * len(kinds), 2.0, tls=True)
    assert len(script) == 2 * len(kinds)
    assert [fault.at_s for fault in script] == sorted(fault.at_s for fault in script)
    assert {fault.kind for fault in script[: len(kinds)]} == {fault.kind for fault in script[len(kinds) :]} == set(kinds)
    assert script == make_script(venue, Random(1), 1_000.0, 1_000.0 + 3_600.0 * len(kinds), 2.0, tls=True)


def test_what_a_venue_can_t_do_is_left_out() -> None:
    assert {FaultKind.MICROSECONDS, FaultKind.HTTP_418, FaultKind.SHUTDOWN_NOTICE} <= set(kinds_of("binance"))
    assert not {FaultKind.MICROSECONDS, FaultKind.HTTP_418, FaultKind.SHUTDOWN_NOTICE} & set(kinds_of("coinbase"))
    assert FaultKind.SEQUENCE_HOLE not in kinds_of("bitstamp")
    assert FaultKind.WRONG_CERTIFICATE not in kinds_of("okx")
    assert set(kinds_of("binance", tls=True)) == set(FaultKind)


def test_where_nobody_can_see_it_nothing_comes_later_than_all_wait() -> None:
    delays = {venue: [draw(FaultKind.LATE, Random(i), 0.0, venue).delay_s for i in range(50)] for venue in ("bitstamp", "okx")}
    assert max(delays["bitstamp"]) <= 1.5
    assert max(delays["okx"]) > 5.0
    assert min(delays["okx"]) <= 1.5


def test_each_kind_has_a_sentence() -> None:
    assert all(kind.sentence for kind in FaultKind)
