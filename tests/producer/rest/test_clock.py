"""VenueClock: the best sample is used; old samples, and those from before a clock was set, are dropped."""

import time

from hypothesis import given
from hypothesis import strategies as st

from producer.rest.clock import SteadyClock, VenueClock


class Wall:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_without_samples_it_is_our_clock() -> None:
    clock = VenueClock(Wall())
    assert clock.now_ms() == 1_000_000
    assert (clock.offset_ms, clock.uncertainty_ms, clock.samples, clock.earliest_ms(1_000.0)) == (0.0, None, (), None)


def test_the_sample_with_the_least_uncertainty_is_used() -> None:
    clock = VenueClock(Wall())
    clock.add(999.0, 1_000.0, 1_004_500, 1)
    clock.add(999.9, 1_000.0, 1_004_960, 1)
    clock.add(999.5, 1_000.0, 1_004_700, 1)
    assert clock.offset_ms == 5_010.5
    assert clock.now_ms() == 1_005_010
    assert len(clock.samples) == 3


def test_a_date_header_is_used_only_if_there_is_nothing_better() -> None:
    clock = VenueClock(Wall())
    clock.add(999.99, 1_000.0, 1_004_000, 1_000)
    assert clock.offset_ms == 4_505.0
    clock.add(999.8, 1_000.0, 1_004_950, 1)
    assert clock.offset_ms == 5_050.5
    clock.add(1_000.0, 1_000.0, 1_004_000, 1_000)
    assert clock.offset_ms == 5_050.5


def test_an_old_sample_is_better_than_none_but_less_and_less_certain() -> None:
    """A venue that can't be asked for a day must not throw the producer back to a machine's clock that is wrong by hours."""
    wall = Wall()
    clock = VenueClock(wall)
    clock.add(1_000.0, 1_000.0, 1_007_000, 1)
    for hours in range(1, 25):
        wall.now_s = 1_000.0 + hours * 3_601
        assert clock.offset_ms == 7_000.5
        assert clock.uncertainty_ms is not None
        assert 1_000 * (hours - 1) <= clock.uncertainty_ms <= 1_001 * hours + 1
    clock.add(wall.now_s - 1, wall.now_s, int(wall.now_s * 1_000) + 9_000, 1)
    assert clock.offset_ms == 9_500.5


def test_samples_from_before_our_clock_was_set_back_are_dropped() -> None:
    wall = Wall()
    clock = VenueClock(wall)
    wall.now_s = 4_601.0
    clock.add(4_601.0, 4_601.0, 4_602_000, 1)
    wall.now_s = 4_000.0
    assert clock.samples == ()


def test_a_steady_clock_does_not_follow_the_steps_of_the_machines_clock() -> None:
    wall, elapsed = Wall(), Wall()
    elapsed.now_s = 5.0
    clock = SteadyClock(wall, elapsed)
    assert clock() == 1_000.0
    for step_s in (-600.0, 10_800.0, -259_200.0):
        wall.now_s += step_s
        elapsed.now_s += 60.0
    assert clock() == 1_180.0


def test_a_steady_clock_of_this_machine_begins_at_its_time_and_goes_on() -> None:
    clock = SteadyClock()
    first_s = clock()
    assert abs(first_s - time.time()) < 60
    assert clock() >= first_s


def test_a_sample_that_contradicts_the_others_replaces_them() -> None:
    wall = Wall()
    clock = VenueClock(wall)
    clock.add(1_000.0, 1_000.0, 1_000_000, 1)
    wall.now_s = 1_600.0
    clock.add(1_599.0, 1_600.0, 1_001_000, 1_000)
    assert clock.now_ms() == 1_002_000
    assert len(clock.samples) == 1


def test_a_request_during_which_our_clock_was_set_back_is_no_sample() -> None:
    clock = VenueClock(Wall())
    clock.add(1_000.0, 999.0, 5_000_000, 1)
    assert clock.samples == ()


def test_few_samples_are_kept_and_the_best_is_among_them() -> None:
    clock = VenueClock(Wall())
    clock.add(999.999, 1_000.0, 1_000_000, 1)
    for _ in range(100):
        clock.add(999.0, 1_000.0, 1_000_000, 1_000)
    assert len(clock.samples) == 16
    assert clock.uncertainty_ms is not None
    assert clock.uncertainty_ms < 2


@given(
    true_offset_ms=st.integers(-600_000, 600_000),
    out_ms=st.integers(0, 3_000),
    back_ms=st.integers(0, 3_000),
    resolution_ms=st.sampled_from([1, 1_000]),
)
def test_the_error_of_the_offset_is_at_most_the_uncertainty(
    true_offset_ms: int, out_ms: int, back_ms: int, resolution_ms: int
) -> None:
    wall = Wall()
    clock = VenueClock(wall)
    sent_ms = 1_000_000_123
    wall.now_s = (sent_ms + out_ms + back_ms) / 1_000
    venue_ms = (sent_ms + out_ms + true_offset_ms) // resolution_ms * resolution_ms
    clock.add(sent_ms / 1_000, wall.now_s, venue_ms, resolution_ms)
    assert clock.uncertainty_ms is not None
    assert abs(clock.offset_ms - true_offset_ms) <= clock.uncertainty_ms + 1
    earliest_ms = clock.earliest_ms(wall.now_s)
    assert earliest_ms is not None
    assert earliest_ms <= wall.now_s * 1_000 + true_offset_ms + 1


def test_when_the_best_sample_is_too_old_the_next_best_is_used() -> None:
    wall = Wall()
    clock = VenueClock(wall)
    clock.add(1_000.0, 1_000.0, 1_007_000, 1)
    wall.now_s = 2_000.0
    clock.add(1_999.9, 2_000.0, 2_007_050, 1)
    assert clock.offset_ms == 7_000.5
    wall.now_s = 4_601.0
    assert clock.offset_ms == 7_100.5
    assert len(clock.samples) == 1
