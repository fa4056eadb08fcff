"""The view: the signal of the latest candle wins, and the status says what a reader must know first."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.view import Status, View
from tests.api.signals import signals
from tests.market import at
from volcast.core.types import Restoring, Signal


def signal(minute: int = 0, **fields: object) -> Signal:
    """Return a signal with some fields replaced."""
    return msgspec.structs.replace(signals(1)[0], open_time_ms=at(minute), **fields)


def view_of(*arrivals: tuple[Signal, float], caught_up: bool = True) -> View:
    view = View(stale_after_s=180)
    for each, arrived_s in arrivals:
        view.put(each, arrived_s)
    view.caught_up = caught_up
    return view


def status(view: View, now_s: float) -> Status:
    latest = view.get("BTCUSDT")
    assert latest
    return view.status(latest, now_s)


def test_a_new_view_is_empty() -> None:
    view = View(stale_after_s=180)
    assert (view.symbols, view.get("BTCUSDT"), view.signals, view.caught_up) == ([], None, 0, False)


def test_symbols_are_sorted_and_independent() -> None:
    view = view_of((signal(5, symbol="ETHUSDT"), 1.0), (signal(3, symbol="BTCUSDT"), 2.0), (signal(1, symbol="ETHUSDT"), 3.0))
    assert view.symbols == ["BTCUSDT", "ETHUSDT"]
    assert [latest.signal.open_time_ms for name in view.symbols if (latest := view.get(name))] == [at(3), at(5)]
    assert view.signals == 3


def test_an_older_or_repeated_signal_changes_neither_the_latest_signal_nor_its_age() -> None:
    view = view_of((signal(5), 1.0), (signal(4, close=1.0), 2.0), (signal(5, close=2.0), 3.0))
    latest = view.get("BTCUSDT")
    assert latest
    assert (latest.signal, latest.arrived_s) == (signal(5), 1.0)


@given(st.permutations(range(6)), st.lists(st.integers(0, 5)))
def test_the_order_and_repetition_of_signals_do_not_matter(order: list[int], again: list[int]) -> None:
    view = view_of(*((signal(minute, candles=minute), float(i)) for i, minute in enumerate([*order, *again])))
    latest = view.get("BTCUSDT")
    assert latest
    assert latest.signal == signal(5, candles=5)
    assert latest.arrived_s == order.index(5)


@pytest.mark.parametrize(
    ("live", "warm", "caught_up", "age_s", "expected"),
    [
        (True, True, True, 0.0, Status.OK),
        (True, True, True, 180.0, Status.OK),
        (True, True, True, 180.1, Status.STALE),
        (True, False, True, 0.0, Status.WARMING),
        (True, False, True, 181.0, Status.STALE),  # before warming: waiting does not help
        (True, True, False, 181.0, Status.RESTORING),  # before stale: a newer one may be on its way
        (True, False, False, 0.0, Status.RESTORING),
        (False, True, False, 0.0, Status.RESTORING),
        (False, False, True, 0.0, Status.WARMING),
        (False, False, True, 9_999.0, Status.WARMING),
        (False, True, True, 0.0, Status.REPLAYING),
        (False, True, True, 5.0, Status.REPLAYING),
        (False, True, True, 5.1, Status.OK),
        (False, True, True, 9_999.0, Status.OK),  # a replay does not become stale
    ],
)
def test_the_first_status_that_applies_is_given(live: bool, warm: bool, caught_up: bool, age_s: float, expected: Status) -> None:  # noqa: FBT001  # a table
    view = view_of((signal(live=live, warm=warm), 1_000.0), caught_up=caught_up)
    assert status(view, 1_000.0 + age_s) is expected


def test_a_slow_replay_is_replaying_between_two_candles() -> None:
    view = view_of((signal(0, warm=True), 0.0), (signal(1, warm=True), 60.0))  # real time
    assert [status(view, now_s) for now_s in (60.0, 119.0, 240.0, 240.1)] == [*[Status.REPLAYING] * 3, Status.OK]


def test_a_symbol_is_restoring_until_its_rebuild_ends() -> None:
    view = view_of((signal(5, warm=True), 0.0), (signal(5, symbol="ETHUSDT", warm=True), 0.0))
    view.put(Restoring("BTCUSDT", done=False), 1.0)
    other = view.get("ETHUSDT")
    assert other
    assert (status(view, 1.0), view.status(other, 100.0)) == (Status.RESTORING, Status.OK)
    view.put(signal(6, warm=True), 2.0)
    assert status(view, 2.0) is Status.RESTORING
    view.put(Restoring("BTCUSDT", done=True), 3.0)
    assert status(view, 100.0) is Status.OK
    assert view.signals == 3
