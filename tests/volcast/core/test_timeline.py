"""The minutes of a symbol against a plain list of them."""

from hypothesis import given
from hypothesis import strategies as st

from volcast.core.timeline import MAX_REMEMBERED_GAPS, Timeline
from volcast.core.types import MINUTE_MS, Skip

steps = st.lists(st.one_of(st.just(1), st.integers(1, 5), st.integers(1, 4_000)), max_size=80)


@given(first=st.integers(0, 10**8), steps=steps)
def test_gaps_and_shares_are_those_of_a_plain_list(first: int, steps: list[int]) -> None:
    timeline, minutes = Timeline(), list[int]()
    for step in (0, *steps):
        minute = minutes[-1] + step if minutes else first
        assert timeline.skip(minute * MINUTE_MS) is None
        assert timeline.add(minute * MINUTE_MS) == max(step - 1, 0)
        minutes.append(minute)
        span = min(minute - first + 1, 1_440)
        present = sum(minute - one < 1_440 for one in minutes)
        assert timeline.missing_share == (span - present) / span
    assert timeline.gaps == sum(step > 1 for step in steps)
    assert timeline.missing_minutes == minutes[-1] - first + 1 - len(minutes)
    if timeline.gaps <= MAX_REMEMBERED_GAPS:
        for minute in range(first - 2, min(minutes[-1], first + 300) + 1):
            assert timeline.skip(minute * MINUTE_MS) is (Skip.DUPLICATE if minute in minutes else Skip.LATE)


@given(first=st.integers(0, 10**8), steps=steps)
def test_a_restored_timeline_equals_the_stored_one(first: int, steps: list[int]) -> None:
    timeline, again, minute = Timeline(), Timeline(), first
    assert again.dump() == timeline.dump()
    timeline.add(minute * MINUTE_MS)
    for step in steps:
        minute += step
        timeline.add(minute * MINUTE_MS)
    again.load(timeline.dump())
    assert (again.dump(), again.missing_share) == (timeline.dump(), timeline.missing_share)
