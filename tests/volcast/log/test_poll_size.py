"""A consumer that is behind takes more with each poll; one that keeps up takes few."""

from hypothesis import given
from hypothesis import strategies as st

from volcast.log.poll_size import FIRST_RECORDS, PollSize


@given(st.integers(1, 10_000), st.lists(st.lists(st.integers(0, 10_000), max_size=3)))
def test_the_size_stays_within_its_bounds(most: int, polls: list[list[int]]) -> None:
    size = PollSize(most)
    for counts in polls:
        before = size.records
        after = size.after([range(min(count, before)) for count in counts])
        assert min(FIRST_RECORDS, most) <= after == size.records <= most
        if not counts:
            assert after <= before


def test_it_grows_while_polls_are_full_and_shrinks_once_none_has_come() -> None:
    size = PollSize(4_000)
    assert [size.after([range(size.records)]) for _ in range(4)] == [1_000, 2_000, 4_000, 4_000]
    assert size.after([range(10), range(4_000)]) == 4_000
    assert [size.after([]) for _ in range(4)] == [2_000, 1_000, 500, 500]
