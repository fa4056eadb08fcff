from random import Random

from hypothesis import given
from hypothesis import strategies as st

from producer.live.sequence_gaps import MAX_GAPS, SequenceGaps


def test_a_sequence_without_a_hole_has_none() -> None:
    holes = SequenceGaps()
    for number in range(100):
        holes.saw(number, number * 10)
    assert not holes.touch(0, 1_000)
    assert holes.missed == 0


def test_twice_is_as_good_as_once() -> None:
    holes = SequenceGaps()
    for number in (1, 2, 2, 1, 3):
        holes.saw(number, number)
    assert not holes.touch(0, 10)


def test_many_holes_melt_into_one_that_hides_nothing() -> None:
    holes = SequenceGaps()
    for number in range(0, 4 * MAX_GAPS, 2):
        holes.saw(number, number)
    assert len(holes._holes) <= MAX_GAPS
    assert all(holes.touch(time_ms, time_ms) for time_ms in range(4 * MAX_GAPS - 2))


@given(st.integers(0, 2**32))
def test_what_did_not_come_is_missing_and_nothing_else(seed: int) -> None:
    random = Random(seed)
    numbers = list(range(50))
    lost = set(random.sample(numbers[1:-1], 5))
    came = sorted((n for n in numbers if n not in lost), key=lambda n: n + random.uniform(0, 4))
    if came[0] != 0:
        came = [0, *came]
    holes = SequenceGaps()
    for number in came:
        holes.saw(number, number * 100)
    missing = {n for hole in holes._holes for n in range(hole.first, hole.last + 1)}
    assert missing == lost
    assert all(holes.touch(number * 100, number * 100) for number in lost)
