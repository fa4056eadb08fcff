"""Reads the batches of a fetch: decompresses within a bound, and puts a stand-in in place of what can't be read.

aiokafka raises an error for a batch that is damaged, and meets it again at each attempt; it decompresses without a bound. Here a
batch whose bytes are as they were written but can't be decoded becomes one record that says which offsets it covers and why. A
wrong checksum may come from the network, so that batch is fetched again first. A fetch ends before it, without an error: aiokafka
would lose the records of other partitions that it has just taken from its buffers.

    batch ─► checksum ─► decompressed, within a bound ─► its records; the first bad one ends it with a stand-in

All is decided by the bytes of the batch, so each reader of the log sees the same records and stand-ins.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.record.default_records import DefaultRecordBatch

from .compression import UndecodableError, decompressed

MAX_FETCHED_RECORD_BYTES = 1024 * 1024
"""Of key and value. Without compression the broker takes no more by default."""
_ENOUGH_BYTES = 8 * 1024 * 1024
"""With so many bytes, a call of `fetched` takes no more records."""
_CHUNK_RECORDS = 25
"""How many records are taken from the buffers at once: with MAX_FETCHED_RECORD_BYTES, a bound on memory."""
_LOG_OVERHEAD = struct.calcsize(">qi")
_HEADER = struct.Struct(">qiibIhiqqqhii")
_ATTRIBUTES_AT = struct.calcsize(">qiibI")
_MAGIC_AT = _LOG_OVERHEAD + 4
_CODEC_MASK = 0x07
_SIGHTINGS = 3
"""How often a batch with a wrong checksum is fetched before it counts as damaged."""
_MAX_SUSPECTS = 1_000
_UNREADABLE = object()
"""Stands where the name of a record's first header would be, so that no writer can forge a stand-in."""
_ENDLESS = object()
"""The same for a batch whose end is not known: what follows it can't be found."""
_suspects: Counter[tuple[int, int]] = Counter()


class _StandIn(NamedTuple):
    """Has the attributes of the records that aiokafka decodes."""

    offset: int
    headers: tuple[tuple[object, str]]
    timestamp: int = -1
    timestamp_type: int = 0
    key: None = None
    value: None = None
    checksum: None = None


def unreadable(record: Any) -> str:
    """Return which offsets a stand-in covers, and why they can't be read; empty for a record that was read."""
    headers = record.headers
    return str(headers[0][1]) if headers and headers[0][0] in (_UNREADABLE, _ENDLESS) else ""


def is_endless(record: Any) -> bool:
    """Return whether a stand-in covers a damaged batch of which not even the end is known."""
    headers = record.headers
    return bool(headers) and headers[0][0] is _ENDLESS


def _stand_in(first: int, last: int, why: str, kind: object = _UNREADABLE) -> _StandIn:
    where = f"offset {first}" if first == last else f"offsets {first} to {last}"
    return _StandIn(last, ((kind, f"{where}: {why}"),))


class FetchedBatch:
    """A batch as aiokafka's fetcher uses it. Its records are decoded while they are iterated over."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._decoder: Any = DefaultRecordBatch(raw)
        self.base_offset: int = self._decoder.base_offset
        self.next_offset: int = self._decoder.next_offset
        self.is_control_batch: bool = self._decoder.is_control_batch
        self.is_transactional: bool = self._decoder.is_transactional
        self.producer_id: int | None = self._decoder.producer_id
        self.is_intact: bool = self._decoder.validate_crc()
        self.has_known_end = self.next_offset - self.base_offset == self._header()[-1]
        """Whether the number of records agrees with the last offset; compaction makes it smaller."""

    def validate_crc(self) -> bool:
        """Return True: the checksum has been dealt with."""
        return True

    def __next__(self) -> Any:
        """Return the record of a control batch."""
        return next(iter(self._decoder))

    def __iter__(self) -> Iterator[Any]:
        first, end = self.base_offset, self.next_offset
        try:
            for record in self._records():
                offset = record.offset
                if not first <= offset < end:
                    yield _stand_in(first, end - 1, f"a record has the offset {offset}")
                    return
                size = len(record.key or b"") + len(record.value or b"")
                if size > MAX_FETCHED_RECORD_BYTES:
                    yield _stand_in(offset, offset, f"a record of {size} bytes, more than {MAX_FETCHED_RECORD_BYTES}")
                else:
                    yield record
                first = offset + 1
        except (UndecodableError, CorruptRecordException, UnicodeDecodeError) as error:
            yield _stand_in(first, end - 1, str(error) or type(error).__name__)

    def _records(self) -> Iterator[Any]:
        """Return the records. Raises UndecodableError; CorruptRecordException or UnicodeDecodeError in between."""
        codec = self._decoder.attributes & _CODEC_MASK
        if not codec:
            return iter(self._decoder)
        records = decompressed(codec, self._raw[_HEADER.size :])
        header = bytearray(self._raw[: _HEADER.size])
        struct.pack_into(">i", header, 8, _HEADER.size - _LOG_OVERHEAD + len(records))
        struct.pack_into(">h", header, _ATTRIBUTES_AT, self._decoder.attributes & ~_CODEC_MASK)
        return iter(DefaultRecordBatch(bytes(header) + records))

    def _header(self) -> tuple[int, ...]:
        return _HEADER.unpack_from(self._raw)


class DamagedBatch:
    """Stands for a batch of which nothing is believed but its place."""

    is_control_batch, is_transactional, producer_id = False, False, None

    def __init__(self, base_offset: int, next_offset: int | None, why: str) -> None:
        self.base_offset, self._why = base_offset, why
        self._kind = _ENDLESS if next_offset is None else _UNREADABLE
        self.next_offset = base_offset + 1 if next_offset is None else next_offset

    def validate_crc(self) -> bool:
        """Return True: the checksum has been dealt with."""
        return True

    def __iter__(self) -> Iterator[Any]:
        yield _stand_in(self.base_offset, self.next_offset - 1, self._why, self._kind)


class BoundedRecords:
    """The batches of one fetch of one partition, in place of aiokafka's `MemoryRecords`."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._extents = list(_extents(raw))
        self._next: FetchedBatch | DamagedBatch | None = None
        self._was_asked = False

    def size_in_bytes(self) -> int:
        """Return the number of bytes fetched, with an incomplete batch at the end."""
        return len(self._raw)

    def has_next(self) -> bool:
        """Return whether there is another complete batch; at a batch that has to be fetched again, False.

        The first call is aiokafka's question whether the fetch brought anything at all.
        """
        if not self._was_asked:
            self._was_asked = True
            return bool(self._extents)
        if self._next is None and self._extents:
            self._next = self._read(*self._extents[0])
        return self._next is not None

    def next_batch(self) -> FetchedBatch | DamagedBatch:
        """Return the next batch, after `has_next`. No error is raised here: aiokafka would lose records of other partitions."""
        batch, self._next = self._next, None
        if batch is None:
            raise StopIteration
        del self._extents[0]
        return batch

    def _read(self, begin: int, end: int) -> FetchedBatch | DamagedBatch | None:
        raw = bytes(self._raw[begin:end])
        (base_offset,) = struct.unpack_from(">q", raw)
        following = struct.unpack_from(">q", self._raw, end)[0] if end + 8 <= len(self._raw) else None
        if raw[_MAGIC_AT : _MAGIC_AT + 1] in (b"\0", b"\1"):
            return DamagedBatch(base_offset, base_offset + 1, "it has the format of Kafka before 0.11")
        if len(raw) < _HEADER.size:
            return DamagedBatch(base_offset, following, "it is shorter than a header")
        batch = FetchedBatch(raw)
        if batch.is_intact:
            return batch
        suspect = (base_offset, zlib.crc32(raw))
        if len(_suspects) > _MAX_SUSPECTS:
            _suspects.clear()
        _suspects[suspect] += 1
        if _suspects[suspect] < _SIGHTINGS:
            return None
        end_offset = batch.next_offset if following is None and batch.has_known_end else following
        return DamagedBatch(base_offset, end_offset, "its checksum is wrong: its bytes have changed since they were written")


def _extents(raw: bytes) -> Iterator[tuple[int, int]]:
    begin = 0
    while begin + _LOG_OVERHEAD <= len(raw):
        (length,) = struct.unpack_from(">i", raw, begin + 8)
        end = begin + _LOG_OVERHEAD + max(length, 0)
        if end > len(raw):
            return
        yield begin, end
        begin = end


class _DecodedRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """The records of one fetch, as they were decoded: a copy of each with the topic's name would take as long again."""

    def __iter__(self) -> Iterator[Any]:
        return cast(Iterator[Any], self._records_iterator)

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:  # noqa: ARG002  # aiokafka's signature
        return record


def read_batches_within_bounds() -> None:
    """Make all consumers of this process read batches by `BoundedRecords`. Their records do not name topic and partition."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = BoundedRecords, _DecodedRecords


async def fetched(
    consumer: AIOKafkaConsumer, *tps: TopicPartition, timeout_ms: int = 0, max_records: int
) -> dict[TopicPartition, list[Any]]:
    """Return the next records of all these partitions together, and stand-ins for what can't be read. Large records are fewer.

    Raises aiokafka's errors; CorruptRecordException if a damaged batch does not even say where it ends.
    """
    found: dict[TopicPartition, list[Any]] = {}
    count = size = 0
    while count < max_records and size < _ENOUGH_BYTES:
        try:
            taken = await consumer.getmany(
                *tps, timeout_ms=0 if found else timeout_ms, max_records=min(max_records - count, _CHUNK_RECORDS)
            )
        except KafkaError:
            if not found:
                raise
            break  # what was taken must not be lost; the error comes again
        if not taken:
            break
        for tp, records in taken.items():
            if is_endless(records[-1]):  # nothing can follow it
                raise CorruptRecordException(f"{tp.topic}, partition {tp.partition}, {unreadable(records[-1])}")
            size += sum([len(record.key or b"") + len(record.value or b"") for record in records])
            count += len(records)
            found.setdefault(tp, []).extend(records)
    return found
