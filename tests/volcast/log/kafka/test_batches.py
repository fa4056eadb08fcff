"""Batches of a fetch: sound ones are read as they are, of a bad one its offsets and the reason are given, without an error."""

import struct
from typing import Any

import pytest
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from tests.volcast.log.kafka.made_batches import CODECS, made_batch
from volcast.log.kafka.batches import MAX_FETCHED_RECORD_BYTES, BoundedRecords, is_endless, unreadable
from volcast.log.kafka.compression import MAX_DECOMPRESSED_BYTES

VALUES = [b"value %d" % number for number in range(10)]
TP = TopicPartition("candles", 0)


class Fetch:
    """What aiokafka's fetcher makes of a partition with these batches, each given with the offset after it."""

    def __init__(self, *batches: tuple[bytes, int], position: int = 0) -> None:
        self.position = position
        self.records: list[Any] = []
        self.fetches = 0
        while rest := b"".join(raw for raw, end in batches if end > self.position):
            self.fetches += 1
            before = self.position
            self._fetch(rest)
            if self.position == before and self.fetches > 3:
                break

    def _fetch(self, raw: bytes) -> None:
        fetched = BoundedRecords(raw)
        if not fetched.has_next():
            return
        partition = PartitionRecords(TP, fetched, [], self.position, None, None, True, 1)  # noqa: FBT003  # aiokafka's order
        self.records += list(partition)
        self.position = partition.next_fetch_offset

    @property
    def read(self) -> list[tuple[int, bytes]]:
        return [(record.offset, record.value) for record in self.records if not unreadable(record)]

    @property
    def set_aside(self) -> list[str]:
        return [why for record in self.records if (why := unreadable(record))]


def numbered(base_offset: int) -> list[tuple[int, bytes]]:
    return [(base_offset + index, value) for index, value in enumerate(VALUES)]


@pytest.mark.parametrize("codec", CODECS)
def test_sound_batches_are_read_whole_with_each_codec(codec: str) -> None:
    fetch = Fetch(
        (made_batch(0, VALUES, codec), 10), (made_batch(10, VALUES, codec), 20), (made_batch(20, VALUES, codec)[:40], 30)
    )
    assert (fetch.read, fetch.set_aside, fetch.position) == (numbered(0) + numbered(10), [], 20)


@pytest.mark.parametrize("codec", CODECS)
def test_a_read_continues_within_a_batch(codec: str) -> None:
    assert Fetch((made_batch(0, VALUES, codec), 10), position=7).read == numbered(0)[7:]


def test_a_damaged_batch_is_fetched_again_and_then_set_aside() -> None:
    damaged = bytearray(made_batch(10, VALUES))
    damaged[-20] ^= 1
    fetch = Fetch((made_batch(0, VALUES), 10), (bytes(damaged), 20), (made_batch(20, VALUES), 30))
    assert fetch.read == numbered(0) + numbered(20)
    assert fetch.set_aside == ["offsets 10 to 19: its checksum is wrong: its bytes have changed since they were written"]
    assert fetch.fetches >= 3


def test_a_batch_that_was_damaged_on_the_way_is_read_at_the_next_fetch() -> None:
    sound = made_batch(1_000, VALUES)
    damaged = bytearray(sound)
    damaged[-20] ^= 2
    on_the_way = BoundedRecords(bytes(damaged))
    assert on_the_way.has_next()  # something was fetched
    assert not on_the_way.has_next()  # but nothing that can be used
    assert Fetch((sound, 1_010), position=1_000).read == numbered(1_000)


def test_the_end_of_a_damaged_batch_is_taken_from_the_next_one() -> None:
    damaged = bytearray(made_batch(0, VALUES))
    struct.pack_into(">i", damaged, 23, 1_000_000)  # the last offset
    fetch = Fetch((bytes(damaged), 10), (made_batch(10, VALUES), 20))
    assert fetch.read == numbered(10)
    assert fetch.set_aside[0].startswith("offsets 0 to 9: ")


def test_a_damaged_batch_whose_end_is_not_known_is_no_reason_to_skip_what_follows() -> None:
    damaged = bytearray(made_batch(0, VALUES))
    struct.pack_into(">i", damaged, 23, 1_000_000)  # the last offset
    fetch = Fetch((bytes(damaged), 10))
    assert fetch.position < 10
    assert all(is_endless(record) for record in fetch.records)


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "none"])
def test_a_batch_that_decompresses_to_too_much_is_set_aside(codec: str) -> None:
    bomb = made_batch(0, [bytes(500_000)] * 40, codec)
    assert len(bomb) < 2_000_000 < MAX_DECOMPRESSED_BYTES
    fetch = Fetch((bomb, 40), (made_batch(40, VALUES, codec), 50))
    assert fetch.read == numbered(40)
    assert fetch.set_aside == [f"offsets 0 to 39: it decompresses to more than {MAX_DECOMPRESSED_BYTES} bytes"]


def test_a_record_that_is_too_large_is_set_aside_alone() -> None:
    fetch = Fetch((made_batch(0, [b"one", bytes(MAX_FETCHED_RECORD_BYTES), b"three"], "zstd"), 3))
    assert fetch.read == [(0, b"one"), (2, b"three")]
    assert fetch.set_aside == [
        f"offset 1: a record of {MAX_FETCHED_RECORD_BYTES + 1} bytes, more than {MAX_FETCHED_RECORD_BYTES}"
    ]


def test_a_batch_of_the_format_before_kafka_0_11_is_set_aside() -> None:
    old = struct.pack(">qiIbb", 0, 30, 0, 1, 0) + bytes(24)
    fetch = Fetch((old, 1), (made_batch(1, VALUES), 11))
    assert fetch.read == numbered(1)
    assert fetch.set_aside == ["offset 0: it has the format of Kafka before 0.11"]


def resealed(raw: bytearray) -> bytes:
    """Return the batch with a right checksum, as a writer with a defect would make it."""
    from aiokafka.record.util import calc_crc32c  # noqa: PLC0415  # only here

    struct.pack_into(">I", raw, 17, calc_crc32c(bytes(raw[21:])))
    return bytes(raw)


@given(codec=st.sampled_from(sorted(CODECS)), at=st.integers(43, 400), bit=st.integers(0, 7), sealed=st.booleans())
def test_whatever_bit_is_wrong_no_error_is_raised_and_the_next_batch_is_read(codec: str, at: int, bit: int, sealed: bool) -> None:  # noqa: FBT001  # drawn
    raw = bytearray(made_batch(0, VALUES, codec))
    raw[43 + (at % (len(raw) - 43))] ^= 1 << bit
    fetch = Fetch((resealed(raw) if sealed else bytes(raw), 10), (made_batch(10, VALUES, codec), 20))
    assert fetch.read[-10:] == numbered(10)
    assert fetch.position == 20
    assert all(offset < 20 for offset, _ in fetch.read)


@pytest.mark.parametrize("number", [5, 6, 7])
def test_an_unknown_codec_is_named(number: int) -> None:
    raw = bytearray(made_batch(0, VALUES))
    raw[22] |= number
    fetch = Fetch((resealed(raw), 10))
    assert fetch.set_aside == [f"offsets 0 to 9: its codec has the unknown number {number}"]
