from random import Random

from hypothesis import given
from hypothesis import strategies as st

from producer.live.sequence_gaps import MAX_GAPS, SequenceGaps


def test_a_complete_sequence_has_no_gap() -> None:
    gaps = SequenceGaps()
    for number in range(100):
        gaps.add(number, number * 10)
    assert not gaps.overlap(0, 1_000)
    assert gaps.missed == 0


def test_repeated_numbers_are_ignored() -> None:
    gaps = SequenceGaps()
    for number in (1, 2, 2, 1, 3):
        gaps.add(number, number)
    assert not gaps.overlap(0, 10)


def test_many_gaps_are_merged_into_one_that_covers_them_all() -> None:
    gaps = SequenceGaps()
    for number in range(0, 4 * MAX_GAPS, 2):
        gaps.add(number, number)
    assert len(gaps._gaps) <= MAX_GAPS
    assert all(gaps.overlap(time_ms, time_ms) for time_ms in range(4 * MAX_GAPS - 2))


@given(st.integers(0, 2**32))
def test_exactly_the_numbers_that_did_not_come_are_missing(seed: int) -> None:
    random = Random(seed)
    numbers = list(range(50))
    lost = set(random.sample(numbers[1:-1], 5))
    came = sorted((n for n in numbers if n not in lost), key=lambda n: n + random.uniform(0, 4))
    if came[0] != 0:
        came = [0, *came]
    gaps = SequenceGaps()
    for number in came:
        gaps.add(number, number * 100)
    missing = {n for gap in gaps._gaps for n in range(gap.first, gap.last + 1)}
    assert missing == lost
    assert all(gaps.overlap(number * 100, number * 100) for number in lost)
