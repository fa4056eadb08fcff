"""Pending rows are kept, replaced and restored, both as arrays and as plain numbers."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from volcast.core.forecast.pending import PendingNumbers, PendingRows

Pending = PendingRows | PendingNumbers
KINDS: dict[str, Callable[[int, int], Pending]] = {"rows": PendingRows, "numbers": PendingNumbers}
BOTH = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def put(pending: Pending, minute: int, *numbers: float) -> None:
    if isinstance(pending, PendingRows):
        pending.put(minute, np.array(numbers))
    else:
        pending.put(minute, numbers)


def at(pending: Pending, minute: int) -> tuple[float, ...] | None:
    row = pending.at(minute)
    return None if row is None else tuple(row)


@BOTH
def test_a_row_is_kept_until_a_later_one_takes_its_slot(make: Callable[[int, int], Pending]) -> None:
    pending = make(3, 2)
    for minute in range(10, 14):
        put(pending, minute, minute, -minute)
    assert at(pending, 10) is None
    for minute in (11, 12, 13):
        assert at(pending, minute) == (minute, -minute)
    assert at(pending, 14) is None


def test_rows_far_apart_share_a_small_ring() -> None:
    pending = PendingRows(slots=7, width=1, every_minutes=10)
    for minute in range(9, 69, 10):
        put(pending, minute, minute)
    assert [at(pending, minute) for minute in range(9, 69, 10)] == [(minute,) for minute in range(9, 69, 10)]
    assert at(pending, 10) is None


def test_a_stored_row_is_a_copy() -> None:
    pending, row = PendingRows(slots=2, width=1), np.array([1.0])
    pending.put(0, row)
    row[0] = 2.0
    assert at(pending, 0) == (1.0,)


@BOTH
@pytest.mark.parametrize("minute", [-1, 0, 1, -60, -(2**40)])
def test_an_empty_slot_has_no_minute(make: Callable[[int, int], Pending], minute: int) -> None:
    pending = make(60, 1)
    assert at(pending, minute) is None
    put(pending, 3, 1.0)
    pending.clear()
    assert at(pending, minute) is None
    assert at(pending, 3) is None


@BOTH
def test_a_dump_restores_the_state(make: Callable[[int, int], Pending]) -> None:
    pending, again = make(4, 2), make(4, 2)
    put(pending, 6, 0.1, 0.2)
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(pending.dump())))
    assert again.dump() == pending.dump()
    put(again, 7, 0.3, 0.4)
    assert (at(again, 6), at(again, 7)) == ((0.1, 0.2), (0.3, 0.4))


@BOTH
def test_another_shape_is_refused(make: Callable[[int, int], Pending]) -> None:
    for other in (make(5, 2), make(4, 3)):
        with pytest.raises(ValueError, match="reshape"):
            other.load(make(4, 2).dump())
    with pytest.raises(KeyError):
        make(4, 2).load({})
