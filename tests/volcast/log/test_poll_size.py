"""A consumer that is behind takes more with each poll; one that keeps up, or has many symbols, takes few."""

from hypothesis import given
from hypothesis import strategies as st

from volcast.log.poll_size import FIRST_RECORDS, PollSize


@given(
    st.integers(1, 10_000), st.integers(1, 10**7), st.lists(st.tuples(st.lists(st.integers(0, 10_000)), st.integers(0, 10_000)))
)
def test_the_size_stays_within_its_bounds(most: int, symbol_records: int, polls: list[tuple[list[int], int]]) -> None:
    size = PollSize(most, symbol_records)
    for counts, symbols in polls:
        before = size.records
        after = size.after([range(min(count, before)) for count in counts], symbols)
        assert min(FIRST_RECORDS, most) <= after == size.records <= most
        assert after <= FIRST_RECORDS or after * symbols <= symbol_records
        if not counts:
            assert after <= before


def test_it_grows_while_polls_are_full_and_shrinks_once_none_has_come() -> None:
    size = PollSize(4_000, 500_000)
    assert [size.after([range(size.records)], 1) for _ in range(4)] == [1_000, 2_000, 4_000, 4_000]
    assert size.after([range(10), range(4_000)], 1) == 4_000
    assert [size.after([], 1) for _ in range(4)] == [2_000, 1_000, 500, 500]


def test_snapshots_keep_pace_with_the_candles() -> None:
    """With 5 000 candles between two snapshots of a symbol and 100 snapshots in a commit, as many as come due fit into each."""
    for symbols in (1, 10, 100, 300, 1_000, 10_000):
        size = PollSize(4_000, 100 * 5_000)
        for _ in range(8):
            size.after([range(size.records)], symbols)
        due = size.records * symbols / 5_000
        assert due <= 100 or size.records == FIRST_RECORDS
