"""The state of a partition: the last value of each key on the compacted topic, among them the position.

A restore also checks that the log still is the one that the state was made from: same partition count, same candles.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple
from zlib import crc32

import msgspec
from aiokafka import TopicPartition

from volcast.log.contract import KeyValue, Mismatch, Record, Restored, Topic, Unavailable

from .batches import unreadable
from .client import KafkaClient
from .reader import bounds, read_range, reading_from
from .writer import Writer

POSITION, MARKER = b"@log/position", b"@log/opened"
_RESERVED = b"@log/"
_CHECKS, _CHECK_PAUSE_S = 10, 0.5


LastCandle = tuple[int, int]
"""Offset and checksum of the last candle before a position."""


class StoredPosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of the key `POSITION`, as JSON: the two offsets of a commit, and the last candle before them, by which a
    recreated topic is recognized.
    """

    position: int
    replay_from: int
    last: LastCandle | None = None
    signals: int | None = None
    """The offset of a signal, and of a reject, that an earlier commit wrote: by them those topics are recognized, too."""
    rejected: int | None = None


class Marker(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of the key `MARKER`, as JSON: written by each consumer that opens the partition."""

    unique: str
    """Names the consumer."""
    partitions: int
    address: str = ""
    """Where its process shows standbys that it is alive; empty if it does not."""


_position_decoder = msgspec.json.Decoder(StoredPosition)
_marker_decoder = msgspec.json.Decoder(Marker)


def checksum(record: Record) -> int:
    """Return a checksum of a candle's key and value."""
    return crc32(record.value, crc32(record.key))


def state_records(position: StoredPosition, snapshots: Sequence[KeyValue]) -> Sequence[tuple[bytes, bytes | None]]:
    """Return the records that a commit writes to the state; an empty snapshot deletes its key.

    Raises ValueError for a key that begins with the prefix reserved for the log.
    """
    if any(snapshot.key.startswith(_RESERVED) for snapshot in snapshots):
        raise ValueError(f"keys that begin with {_RESERVED.decode()} are reserved for the log")
    return [*((key, value or None) for key, value in snapshots), (POSITION, msgspec.json.encode(position))]


class Opened(NamedTuple):
    """What was found when a partition was opened."""

    restored: Restored
    stored: StoredPosition | None
    """The position of the last commit, if there was one that can be read."""
    marked: int
    """The offset of the marker that was written."""


async def write_marker(client: KafkaClient, writer: Writer, partition: int, marker: Marker) -> int:
    """Write the marker, and return its offset. No record of a former owner can come after it. Raises as `Writer.write`."""
    tp = client.at(Topic.STATE, partition)
    marked = await writer.write({tp: [KeyValue(MARKER, msgspec.json.encode(marker))]})
    if marked[tp] < 0:
        raise Unavailable(f"{tp.topic}, partition {partition}: the broker did not return the offset of a write")
    return marked[tp]


def decode_marker(value: bytes) -> Marker:
    """Return a marker."""
    return _marker_decoder.decode(value)


async def restore(client: KafkaClient, writer: Writer, partition: int, marker: Marker) -> Opened:
    """Return what the last commit left.

    `writer` has fenced all former owners. It writes a marker first: no record of theirs can come after that, so the state ends
    there. Raises Unavailable; Fenced if another consumer has opened the partition meanwhile; Mismatch if the log no longer holds
    the position, or holds other candles there.
    """
    tp = client.at(Topic.STATE, partition)
    marked = await write_marker(client, writer, partition, marker)
    state, markers, _ = await read_state(client, tp, marked + 1)
    others = [each for each in markers if each.unique != marker.unique]
    if not others and partition > 0:  # every consumer of this log has opened the first partition, too
        _, others, _ = await read_state(client, client.at(Topic.STATE, 0), None)
    for other in others:
        if other.partitions != client.partitions:
            raise Mismatch(
                f"{tp.topic}: the state was made with {other.partitions} partitions, now there are {client.partitions}, so "
                "symbols have moved to other partitions: choose another topic_prefix, and move the state there with `volcast "
                "state export` and `volcast state import`"
            )
    restored, stored = await restored_from_state(client, partition, state), _stored(state)
    if stored:
        await _check_outputs(client, partition, stored)
    if restored.position_unknown:  # unless another consumer has opened the partition since, and these signals are its own
        await write_marker(client, writer, partition, marker)
    return Opened(restored, stored, marked)


async def peek(client: KafkaClient, partition: int, *, keys_only: bool = False) -> Restored:
    """Return what the last commit left, without fencing the owner, who may write at the same time.

    With `keys_only` no snapshot is kept in memory; the broker sends them all the same.
    """
    tp = client.at(Topic.STATE, partition)
    state, _, _ = await read_state(client, tp, None, keys_only=keys_only)
    restored = await restored_from_state(client, partition, state)
    if restored.position_unknown:  # the first commit of a new log may have come between the reading of state and of signals
        state, _, _ = await read_state(client, tp, None, keys_only=keys_only)
        restored = await restored_from_state(client, partition, state)
    return replace(restored, snapshots=dict.fromkeys(restored.snapshots, b"")) if keys_only else restored


async def read_state(
    client: KafkaClient, tp: TopicPartition, end: int | None, *, keys_only: bool = False
) -> tuple[Mapping[bytes, bytes], list[Marker], int]:
    """Return the last value of each key below the offset `end` (None: the log's end), all markers up to there, and `end`.

    With `keys_only` a snapshot is cut to its first byte.
    """
    begin, last = (await bounds(client, [tp]))[tp]
    end = last if end is None else end
    state: dict[bytes, bytes] = {}
    markers = []
    async with reading_from(client, {tp: begin}) as consumer:
        async for records in read_range(client, consumer, tp, begin, end):
            if damage := next(filter(None, map(unreadable, records)), None):
                raise Mismatch(
                    f"{tp.topic}, partition {tp.partition}: {damage}; without them the state is not known: choose another "
                    "topic_prefix to start anew"
                )
            for record in records:
                is_cut = keys_only and not record.key.startswith(_RESERVED)
                state[record.key] = record.value[:1] if is_cut else record.value
            markers += [_marker_decoder.decode(record.value) for record in records if record.key == MARKER and record.value]
    return state, markers, end


async def restored_from_state(client: KafkaClient, partition: int, state: Mapping[bytes, bytes]) -> Restored:
    """Return the last commit, of which these are the values. Raises as `restore`."""
    snapshots = {key: value for key, value in state.items() if value and not key.startswith(_RESERVED)}
    stored = _stored(state)
    begin = await _checked(client, partition, stored)
    where = f"{client.topic(Topic.STATE)}, partition {partition}"
    if stored is None:
        is_used = await _has_output(client, partition)
        return Restored(begin, snapshots, begin, begin, position_unknown=is_used, where=where)
    return Restored(stored.position, snapshots, stored.replay_from, begin, where=where)


async def _has_output(client: KafkaClient, partition: int) -> bool:
    """Return whether signals or rejects of this partition were ever committed."""
    tps = [client.at(topic, partition) for topic in (Topic.SIGNALS, Topic.REJECTED)]
    for tp, (begin, end) in (await bounds(client, tps)).items():
        if begin > 0:  # the first ones were deleted, as they were too old
            return True
        if end > begin:
            async with reading_from(client, {tp: begin}) as consumer:
                async for records in read_range(client, consumer, tp, begin, end):
                    if records:
                        return True
    return False


def _stored(state: Mapping[bytes, bytes]) -> StoredPosition | None:
    return decode_position(state.get(POSITION))


def decode_position(value: bytes | None) -> StoredPosition | None:
    """Return the value of the key `POSITION`; None if it is missing or damaged."""
    try:
        return _position_decoder.decode(value) if value else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


async def _checked(client: KafkaClient, partition: int, stored: StoredPosition | None) -> int:
    """Return the offset of the first retained candle. Raises Mismatch if the topic is not the one that the state comes from."""
    tp, checks = client.at(Topic.CANDLES, partition), 0
    while True:
        begin, end = (await bounds(client, [tp]))[tp]
        if stored is None or begin <= stored.position <= end:
            break
        checks += 1
        if stored.position < begin or checks == _CHECKS:
            raise position_lost(client, partition, stored.position, begin, end)
        await asyncio.sleep(_CHECK_PAUSE_S)  # the new leader of a partition may not know its end yet
    if stored and stored.last and stored.last[0] >= begin:
        await _check_last(client, tp, *stored.last)
    return begin


async def _check_outputs(client: KafkaClient, partition: int, stored: StoredPosition) -> None:
    """Raise Mismatch if a topic of output lacks what was written to it: then it is another one than before."""
    known = {Topic.SIGNALS: stored.signals, Topic.REJECTED: stored.rejected}
    written = {client.at(topic, partition): offset for topic, offset in known.items() if offset is not None}
    for check in range(_CHECKS if written else 0):
        found = await bounds(client, written)
        lost = [tp for tp, offset in written.items() if found[tp][1] <= offset]
        if not lost:
            return
        if check < _CHECKS - 1:
            await asyncio.sleep(_CHECK_PAUSE_S)  # as for candles
            continue
        outputs = ", ".join(client.topic(topic) for topic in (Topic.SIGNALS, Topic.REJECTED, Topic.STATE))
        raise Mismatch(
            f"{lost[0].topic}, partition {partition}: it ends at {found[lost[0]][1]}, but offset {written[lost[0]]} was written: "
            "the topic was recreated, and what was on it is lost; choose another topic_prefix to start anew, or delete "
            f"{outputs}: then all is computed again"
        )


async def _check_last(client: KafkaClient, tp: TopicPartition, offset: int, expected: int) -> None:
    async with reading_from(client, {tp: offset}) as consumer:
        async for records in read_range(client, consumer, tp, offset, offset + 1):
            for record in records:
                if unreadable(record) or crc32(record.value or b"", crc32(record.key or b"")) == expected:
                    return
    raise Mismatch(
        f"{tp.topic}, partition {tp.partition}: offset {offset} no longer holds the candle that was answered there: the topic "
        "was recreated; choose another topic_prefix to start anew"
    )


def position_lost(client: KafkaClient, partition: int, position: int, begin: int, end: int) -> Mismatch:
    """Return the error for a state whose next candle is no longer, or not yet, on the log; no retry brings it back."""
    return Mismatch(
        f"{client.topic(Topic.CANDLES)}, partition {partition}: the state continues at {position}, the log holds {begin} to "
        f"{end}: the topic was recreated, or the consumer was stopped for longer than it retains candles; choose another "
        "topic_prefix to start anew"
    )
