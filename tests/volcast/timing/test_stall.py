"""StallDetector: without an end any position must move; with an end it must move once the end has grown."""

import pytest

from volcast.timing.stall import StallDetector


def test_a_position_that_stays_is_stalled_since_it_was_first_seen() -> None:
    detector = StallDetector()
    assert [detector.look(3, at_s) for at_s in (50.0, 60.0, 110.0)] == [0.0, 10.0, 60.0]
    assert detector.stalled_s == 60.0


@pytest.mark.parametrize("position", [4, 2], ids=["forwards", "backwards"])
def test_a_position_that_moves_is_not_stalled(position: int) -> None:
    detector = StallDetector()
    detector.look(3, 0.0)
    detector.look(3, 30.0)
    assert (detector.look(position, 31.0), detector.look(position, 41.0)) == (0.0, 10.0)


def test_without_a_position_nothing_has_to_move() -> None:
    detector = StallDetector()
    detector.look(3, 0.0)
    assert [detector.look(None, at_s) for at_s in (100.0, 200.0)] == [0.0, 0.0]
    assert detector.look(3, 300.0) == 0.0, "the time without work does not count"


def test_a_position_behind_an_end_that_does_not_grow_is_not_stalled() -> None:
    detector = StallDetector()
    assert [detector.look(5, at_s, end=8) for at_s in (0.0, 100.0, 1_000.0)] == [0.0, 0.0, 0.0]


def test_a_position_is_stalled_since_the_look_that_saw_the_end_grow() -> None:
    detector = StallDetector()
    detector.look(5, 0.0, end=8)
    assert [detector.look(5, at_s, end=end) for at_s, end in ((10.0, 9), (30.0, 9), (50.0, 12))] == [0.0, 20.0, 40.0]


def test_a_position_that_moves_must_move_again_only_after_the_end_has_grown_again() -> None:
    detector = StallDetector()
    detector.look(5, 0.0, end=8)
    detector.look(5, 10.0, end=9)
    assert [detector.look(6, at_s, end=9) for at_s in (20.0, 90.0)] == [0.0, 0.0]
    assert [detector.look(6, at_s, end=10) for at_s in (100.0, 101.0)] == [0.0, 1.0]


def test_an_end_that_shrinks_starts_the_measurement_anew() -> None:
    detector = StallDetector()
    detector.look(5, 0.0, end=8)
    detector.look(5, 10.0, end=9)
    assert [detector.look(5, at_s, end=end) for at_s, end in ((20.0, 7), (30.0, 8), (40.0, 8))] == [0.0, 0.0, 10.0]
