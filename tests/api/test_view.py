"""The view: the signal of the latest candle wins, and the status says what a reader must know first."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.status import Now, Status
from api.view import View
from tests.api.signals import now_at, signals
from tests.market import at
from volcast.core.types import Restoring, Signal

YEAR_S = 365 * 86_400.0


def signal(minute: int = 0, **fields: object) -> Signal:
    """Return a signal with some fields replaced."""
    return msgspec.structs.replace(signals(1)[0], open_time_ms=at(minute), **fields)


def view_of(*arrivals: tuple[Signal, float], caught_up: bool = True) -> View:
    view = View(stale_after_s=180)
    view.caught_up = True
    for each, arrived_s in arrivals:
        view.put(each, arrived_s)
    view.caught_up = caught_up
    return view


def status(view: View, now: Now, symbol: str = "BTCUSDT") -> Status:
    latest = view.get(symbol)
    assert latest
    return view.status(latest, now)


def status_of(one: Signal, age_s: float, since_arrival_s: float = 0.0) -> Status:
    """Return the status of a signal whose candle ended `age_s` ago and that was read `since_arrival_s` ago."""
    return status(view_of((one, 50.0)), now_at(one, age_s, 50.0 + since_arrival_s))


def test_a_new_view_is_empty() -> None:
    view = View(stale_after_s=180)
    assert (view.symbols, view.get("BTCUSDT"), view.signals, view.caught_up) == ([], None, 0, False)
    assert (view.unreadable, view.unreadable_symbols) == (0, [])


def test_symbols_are_sorted_and_independent() -> None:
    view = view_of((signal(5, symbol="ETHUSDT"), 1.0), (signal(3, symbol="BTCUSDT"), 2.0), (signal(1, symbol="ETHUSDT"), 3.0))
    assert view.symbols == ["BTCUSDT", "ETHUSDT"]
    assert [latest.signal.open_time_ms for name in view.symbols if (latest := view.get(name))] == [at(3), at(5)]
    assert view.signals == 3


def test_an_older_or_repeated_signal_changes_neither_the_latest_signal_nor_its_arrival() -> None:
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
        (True, True, True, -30.0, Status.OK),
        (True, True, True, -30.1, Status.CLOCK_SKEW),
        (True, False, True, -YEAR_S, Status.CLOCK_SKEW),
        (False, True, True, -YEAR_S, Status.CLOCK_SKEW),  # a replay of the future has a wrong date
        (True, True, False, -YEAR_S, Status.RESTORING),
        (False, False, True, 0.0, Status.WARMING),
        (False, False, True, YEAR_S, Status.WARMING),
        (False, True, True, YEAR_S, Status.REPLAYING),
        (False, True, True, 0.0, Status.OK),  # it has come to the present
    ],
)
def test_the_first_status_that_applies_is_given(live: bool, warm: bool, caught_up: bool, age_s: float, expected: Status) -> None:  # noqa: FBT001  # a table
    one = signal(live=live, warm=warm)
    assert status(view_of((one, 1_000.0), caught_up=caught_up), now_at(one, age_s, 1_000.0)) is expected


def test_an_old_live_signal_is_stale_however_recently_it_was_read() -> None:
    """The API was restarted, the signal was committed late, or the log is read without a network."""
    for warm in (True, False):
        assert status_of(signal(live=True, warm=warm), age_s=16 * 60.0, since_arrival_s=0.0) is Status.STALE


def test_a_clock_that_was_set_back_makes_no_signal_younger() -> None:
    one = signal(live=True, warm=True)
    view = view_of((one, 50.0))
    (latest,) = (view.get("BTCUSDT"),)
    assert latest
    set_back = now_at(one, 20.0, 50.0 + 900.0)
    assert latest.age_s(set_back) == 900.0
    assert view.status(latest, set_back) is Status.STALE
    far_back = now_at(one, -600.0, 50.0 + 900.0)
    assert latest.age_s(far_back) == pytest.approx(-600.0)
    assert view.status(latest, far_back) is Status.CLOCK_SKEW


@pytest.mark.parametrize("warm", [False, True])
def test_a_replay_that_has_ended_is_finished(warm: bool) -> None:  # noqa: FBT001  # a parameter
    old = signal(live=False, warm=warm)
    assert status_of(old, YEAR_S, since_arrival_s=5.0) is (Status.REPLAYING if warm else Status.WARMING)
    assert status_of(old, YEAR_S, since_arrival_s=5.1) is Status.FINISHED
    view = view_of((old, 50.0))
    view.finish_replays()
    assert status(view, now_at(old, YEAR_S, 50.0)) is Status.FINISHED
    view.put(signal(1, live=False, warm=warm), 51.0)
    assert status(view, now_at(old, YEAR_S, 51.0)) is (Status.REPLAYING if warm else Status.WARMING)


def test_what_was_on_the_log_before_is_no_replay() -> None:
    view = View(stale_after_s=180)
    view.put(signal(live=False, warm=True), 50.0)
    view.caught_up = True
    assert status(view, now_at(signal(), YEAR_S, 50.0)) is Status.FINISHED
    view.put(signal(1, live=False, warm=True), 51.0)
    assert status(view, now_at(signal(), YEAR_S, 51.0)) is Status.REPLAYING


def test_a_slow_replay_is_replaying_between_two_candles() -> None:
    view = view_of((signal(0, warm=True), 0.0), (signal(1, warm=True), 60.0))  # real time
    moments = (60.0, 119.0, 240.0, 240.1)
    assert [status(view, now_at(signal(), YEAR_S, each)) for each in moments] == [*[Status.REPLAYING] * 3, Status.FINISHED]


@pytest.mark.parametrize("live", [False, True])
def test_a_symbol_whose_minutes_are_mostly_missing_is_sparse(live: bool) -> None:  # noqa: FBT001  # a parameter
    for share, expected in ((0.5, Status.WARMING), (0.51, Status.SPARSE), (0.9, Status.SPARSE)):
        one = signal(live=live, warm=False, missing_share=share)
        assert status_of(one, 1.0) is expected
        assert status_of(one, 181.0, 181.0) is (Status.STALE if live else Status.FINISHED)


@given(live=st.booleans(), warm=st.booleans(), age_s=st.floats(-1e9, 1e9), since_s=st.floats(0, 1e6), share=st.floats(0, 1))
def test_a_status_of_ok_is_never_about_the_past(*, live: bool, warm: bool, age_s: float, since_s: float, share: float) -> None:
    found = status_of(signal(live=live, warm=warm, missing_share=share), age_s, since_s)
    if found in {Status.OK, Status.WARMING, Status.SPARSE} and live:
        assert -30.1 <= age_s <= 180.1
        assert since_s <= 180.1
    if found is Status.OK:
        assert warm
        assert -30.1 <= age_s <= 180.1


def test_the_end_of_the_horizon_is_known() -> None:
    latest = view_of((signal(), 0.0)).get("BTCUSDT")
    assert latest
    assert not latest.is_horizon_over(60, now_at(signal(), 3_599.9, 0.0))
    assert latest.is_horizon_over(60, now_at(signal(), 3_600.0, 0.0))


def test_a_symbol_is_restoring_until_its_rebuild_ends() -> None:
    view = view_of((signal(5, warm=True), 0.0), (signal(5, symbol="ETHUSDT", warm=True), 0.0))
    moment = now_at(signal(6), 0.0, 3.0)
    view.put(Restoring("BTCUSDT", done=False), 1.0)
    assert (status(view, moment), status(view, moment, "ETHUSDT")) == (Status.RESTORING, Status.OK)
    view.put(signal(6, warm=True), 2.0)
    assert status(view, moment) is Status.RESTORING
    view.put(Restoring("BTCUSDT", done=True), 3.0)
    assert status(view, moment) is Status.OK
    assert view.signals == 3


def test_a_symbol_is_unreadable_until_a_newer_signal_can_be_read() -> None:
    view = view_of((signal(5, warm=True), 0.0), (signal(5, symbol="ETHUSDT", warm=True), 0.0))
    moment = now_at(signal(6), 0.0, 3.0)
    view.put_unreadable("BTCUSDT")
    view.put_unreadable(None)  # a key that names no symbol
    assert (status(view, moment), status(view, moment, "ETHUSDT")) == (Status.UNREADABLE, Status.OK)
    assert (view.unreadable, view.unreadable_symbols) == (2, ["BTCUSDT"])
    for minute in (4, 6):  # the first is read again, after the connection to the log was lost
        assert status(view, moment) is Status.UNREADABLE
        view.put(signal(minute, warm=True), 2.0)
    assert status(view, moment) is Status.OK


def test_reading_the_log_again_leads_to_the_same_status() -> None:
    view = View(180)
    for _ in range(2):
        for minute in range(3):
            view.put(signal(minute, warm=True), 1.0)
            if minute == 1:
                view.put_unreadable("BTCUSDT")
        assert "BTCUSDT" not in view.unreadable_symbols
        view.put(signal(2, symbol="ETHUSDT"), 1.0)
        view.put_unreadable("ETHUSDT")
        assert view.unreadable_symbols == ["ETHUSDT"]


def test_keys_of_unreadable_records_cannot_fill_the_memory() -> None:
    view = view_of((signal(), 0.0))
    for i in range(10_100):
        view.put_unreadable(f"S{i}")
    view.put_unreadable("BTCUSDT")
    assert len(view.unreadable_symbols) == 10_001
    assert view.unreadable == 10_101


def test_who_hears_of_a_row_finds_its_signal_and_its_symbol_in_the_view() -> None:
    view, found = View(stale_after_s=180), list[tuple[list[str], object]]()

    def look() -> None:
        (row,) = view.rows.take_waiting(10).rows
        latest = view.get(row.symbol)
        found.append((view.symbols, latest and latest.row.sequence == row.sequence))

    assert view.rows.listen(0, look)
    view.put(signal(5), 1.0)
    view.put(signal(6, symbol="ETHUSDT"), 1.0)
    view.put(signal(6), 1.0)
    assert found == [(["BTCUSDT"], True), (["BTCUSDT", "ETHUSDT"], True), (["BTCUSDT", "ETHUSDT"], True)]
