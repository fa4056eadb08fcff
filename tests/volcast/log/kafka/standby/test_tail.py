"""What comes in a partition: commits end with the position, markers say who owns it, and candles are taken in order."""

import msgspec

from volcast.log.contract import KeyValue, Record
from volcast.log.kafka.standby.tail import Opening, PartitionTail
from volcast.log.kafka.state import MARKER, POSITION, Marker, StoredPosition
from volcast.log.standby import FollowedCommit


def state(offset: int, key: bytes, value: bytes) -> Record:
    return Record(0, offset, key, value)


def position(offset: int, position: int) -> Record:
    return state(offset, POSITION, msgspec.json.encode(StoredPosition(position, position)))


def marker(offset: int, unique: str) -> Record:
    return state(offset, MARKER, msgspec.json.encode(Marker(unique, 1)))


def candles(*offsets: int) -> list[Record]:
    return [Record(0, offset, b"A", b"%d" % offset) for offset in offsets]


def following() -> PartitionTail:
    tail = PartitionTail(0)
    tail.begin()
    return tail


def test_a_commit_is_what_stands_before_its_position() -> None:
    tail = following()
    tail.add_state([state(0, b"A", b"1"), state(1, b"@checkpoint", b"c")])
    assert not tail.has_commits
    tail.add_state([position(2, 7), state(4, b"B", b"2"), position(5, 9)])
    assert tail.take_commits() == [
        FollowedCommit(7, [KeyValue(b"A", b"1"), KeyValue(b"@checkpoint", b"c")]),
        FollowedCommit(9, [KeyValue(b"B", b"2")]),
    ]
    assert not tail.has_commits
    assert tail.state_offset == 6


def test_commits_that_the_state_already_has_are_skipped() -> None:
    tail = following()
    tail.add_state([position(2, 7), position(5, 9)])
    tail.skip(3)
    assert [commit.position for commit in tail.take_commits()] == [9]


def test_nothing_is_kept_of_a_partition_that_is_not_followed() -> None:
    tail = PartitionTail(0)
    tail.add_state([state(0, b"A", b"1"), position(2, 7)])
    tail.begin()
    assert tail.take_commits() == []
    tail.add_state([position(5, 9)])
    tail.end()
    assert tail.take_commits() == []


def test_the_last_marker_says_who_has_opened_the_partition() -> None:
    tail = following()
    assert tail.opening is None
    tail.add_state([marker(3, "a"), position(4, 1), marker(6, "b")])
    tail.note_opening(Opening(5, Marker("old", 1)))
    assert tail.opening == Opening(6, Marker("b", 1))


def test_candles_are_taken_in_order_and_none_that_is_not_answered() -> None:
    tail = PartitionTail(0)
    assert not tail.seek(3)
    tail.candles.extend(candles(3, 4, 6, 7))
    assert tail.take_candles(1, below=7) == candles(3)
    assert tail.take_candles(10, below=7) == candles(4, 6)
    assert tail.has_below(8)
    assert not tail.has_below(7)
    assert tail.take_candles(10) == candles(7)
    assert tail.next_offset == 8


def test_a_place_that_has_come_is_not_read_again() -> None:
    tail = PartitionTail(0)
    tail.seek(3)
    tail.candles.extend(candles(3, 4, 6))
    assert tail.seek(4)
    assert list(tail.candles) == candles(4, 6)
    assert tail.seek(7)
    assert not tail.candles
    assert not tail.seek(2)
    tail.forget_candles()
    assert not tail.seek(2)
