"""The last rows of each symbol: bounded, in order, and honest about what is not kept any more."""

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.stream.history import PositionLost, RowHistory, Stored, start_at_random
from api.stream.row import Row
from tests.api.signals import signals
from volcast.core.types import MINUTE_MS, Signal

ALL_MS = (0, 2**60)


@cache
def signal(symbol: str, minute: int) -> Signal:
    return msgspec.structs.replace(signals(1)[0], symbol=symbol, open_time_ms=minute * MINUTE_MS)


def history_of(count: int, symbol: str = "A", **options: int) -> RowHistory:
    history = RowHistory(**options)
    for minute in range(count):
        history.put(signal(symbol, minute))
    return history


def numbers(found: list[Stored]) -> list[int]:
    return [each.sequence for each in found]


def test_pages_follow_one_another_until_there_are_no_more() -> None:
    history, seen, after, has_more = history_of(25), list[int](), None, True
    while has_more:
        page, has_more = history.page("A", *ALL_MS, after, 10)
        after = page[-1].sequence
        seen += numbers(page)
    assert seen == list(range(1, 26))


def test_a_page_has_the_candles_that_open_from_one_time_on_and_before_another() -> None:
    page, has_more = history_of(10).page("A", 3 * MINUTE_MS, 5 * MINUTE_MS, None, 10)
    assert ([each.open_time_ms // MINUTE_MS for each in page], has_more) == ([3, 4], False)
    assert history_of(10).page("B", *ALL_MS, None, 10) == ([], False)


@pytest.mark.parametrize("after", [999, 1_011])
def test_a_position_of_another_process_is_refused(after: int) -> None:
    history = history_of(10, before=1_000)
    with pytest.raises(PositionLost, match=f"{after} is no sequence of this process"):
        history.page("A", *ALL_MS, after, 10)
    with pytest.raises(PositionLost, match="is no sequence of this process"):
        history.following(after, None, 10)


def test_a_position_before_rows_that_are_gone_is_refused() -> None:
    history = history_of(20, rows_of_a_symbol=8)
    oldest = history.page("A", *ALL_MS, None, 100)[0][0].sequence
    assert numbers(history.page("A", *ALL_MS, oldest - 1, 100)[0])[0] == oldest
    with pytest.raises(PositionLost, match=f"rows that follow {oldest - 2} are not kept any more"):
        history.page("A", *ALL_MS, oldest - 2, 100)
    with pytest.raises(PositionLost, match="are not kept any more"):
        history.following(oldest - 2, ["A"], 100)
    assert history.following(oldest - 2, ["B"], 100)[0] == []


def test_the_newest_rows_come_in_the_order_in_which_they_were_read() -> None:
    history = RowHistory()
    for symbol, minute in (("B", 1), ("A", 1), ("B", 2), ("C", 1)):
        history.put(signal(symbol, minute))
    assert [(each.symbol, each.sequence) for each in history.newest(None)[0]] == [("A", 2), ("B", 3), ("C", 4)]
    assert [each.symbol for each in history.newest(["C", "A", "NONE"])[0]] == ["A", "C"]


@given(
    st.lists(st.sampled_from("ABCDE"), max_size=120),
    st.integers(1, 12),
    st.integers(5, 40),
    st.sets(st.sampled_from("ABCDE")),
    st.integers(1, 20),
    st.integers(0, 120),
)
def test_whoever_follows_from_a_position_sees_each_row_once_or_is_told(  # noqa: PLR0917
    order: list[str], of_a_symbol: int, of_all: int, wanted: set[str], limit: int, position: int
) -> None:
    history, put = RowHistory(before=0, rows_of_all=of_all, rows_of_a_symbol=of_a_symbol), list[Row]()
    for minute, symbol in enumerate(order):
        put.append(history.put(signal(symbol, minute)))
    kept = {symbol: history.page(symbol, *ALL_MS, None, 1_000)[0] for symbol in set(order)}
    for symbol, rows in kept.items():
        of_symbol = [row for row in put if row.symbol == symbol]
        assert [each.row() for each in rows] == of_symbol[len(of_symbol) - len(rows) :]
        assert 1 <= len(rows) <= of_a_symbol + of_a_symbol // 8
    assert sum(map(len, kept.values())) <= max(of_all + of_all // 8, len(kept))
    expected = [row.sequence for row in put if row.symbol in wanted and row.sequence > position]
    all_kept = {each.sequence for rows in kept.values() for each in rows}
    seen = list[int]()
    try:
        while True:
            rows, after = history.following(position, wanted, limit)
            seen += numbers(rows)
            if after == position:
                break
            position = after
    except PositionLost:
        assert position > len(order) or set(expected) - all_kept
    else:
        assert seen == expected


def test_a_listener_is_told_once_until_it_has_taken_all() -> None:
    told = list[int]()
    history = history_of(3)
    assert not history.listen(2, lambda: None)
    assert history.listen(3, lambda: told.append(1))
    for minute in range(3, 8):
        history.put(signal("A", minute))
    assert len(told) == 1
    first, rest = history.take_waiting(2), history.take_waiting(100)
    assert (numbers(first.rows), first.is_all, numbers(rest.rows), rest.is_all) == ([4, 5], False, [6, 7, 8], True)
    history.put(signal("A", 8))
    assert len(told) == 2
    history.stop_listening()
    history.put(signal("A", 9))
    assert (len(told), history.take_waiting(9).rows) == (2, [])


def test_a_listener_that_is_far_behind_has_to_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.stream.history.MAX_WAITING_ROWS", 5)
    history = history_of(1)
    assert history.listen(1, lambda: None)
    for minute in range(1, 10):
        history.put(signal("A", minute))
    waiting = history.take_waiting(100)
    assert waiting.lost
    assert numbers(waiting.rows) == [8, 9, 10]
    assert not history.take_waiting(100).lost


def test_processes_begin_at_different_sequences_that_javascript_can_count() -> None:
    starts = {start_at_random() for _ in range(100)}
    assert len(starts) > 90
    assert max(starts) + 10**9 < 2**53
