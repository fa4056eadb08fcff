"""A partition's state: the last value of each key on the compacted topic, the position among them."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4
from zlib import crc32

import msgspec
from aiokafka import TopicPartition

from volcast.log.contract import KeyValue, Mismatch, Record, Restored, Topic, Unavailable

from .client import Client
from .reader import bounds, reading_from, stretch
from .writer import Writer

POSITION, MARKER = b"@log/position", b"@log/opened"
_OURS = b"@log/"
_LOOKS, _LOOK_AGAIN_S = 10, 0.5


LastCandle = tuple[int, int]
"""Offset and checksum of the last candle before a position."""


class StoredPosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands under `POSITION`, as JSON: the two numbers of a commit, and how to tell that the topic is still the same."""

    position: int
    replay_from: int
    last: LastCandle | None = None


class Marker(msgspec.Struct, frozen=True):
    """What stands under `MARKER`, as JSON: whoever opens a partition leaves it."""

    unique: str
    partitions: int


_position_decoder = msgspec.json.Decoder(StoredPosition)
_marker_decoder = msgspec.json.Decoder(Marker)


def checksum(record: Record) -> int:
    """Of a candle's key and value."""
    return crc32(record.value, crc32(record.key))


def state_records(position: StoredPosition, snapshots: Sequence[KeyValue]) -> Sequence[tuple[bytes, bytes | None]]:
    """What a commit writes there; an empty snapshot forgets its key. Raises ValueError for a key that is the log's own."""
    if any(snapshot.key.startswith(_OURS) for snapshot in snapshots):
        raise ValueError(f"keys that begin with {_OURS.decode()} are the log's own")
    return [*((key, value or None) for key, value in snapshots), (POSITION, msgspec.json.encode(position))]


async def restore(client: Client, writer: Writer, partition: int) -> tuple[Restored, LastCandle | None]:
    """What the last commit left. `writer` has fenced all others: nothing of theirs can come behind the marker it writes first.

    Raises Unavailable, or Mismatch where the log no longer holds the position, or holds other candles there.
    """
    tp = client.at(Topic.STATE, partition)
    marker = Marker(uuid4().hex, client.partitions)
    marked = await writer.write({tp: [KeyValue(MARKER, msgspec.json.encode(marker))]})
    if marked[tp] < 0:
        raise Unavailable(f"{tp.topic}, partition {partition}: the broker does not say where it wrote")
    state, markers = await _read(client, tp, marked[tp] + 1)
    others = [each for each in markers if each.unique != marker.unique]
    if not others and partition > 0:  # whoever ever opened this log has opened the first partition, too
        _, others = await _read(client, client.at(Topic.STATE, 0), None)
    for other in others:
        if other.partitions != client.partitions:
            raise Mismatch(
                f"{tp.topic}: the state was made with {other.partitions} partitions, now there are {client.partitions}: symbols "
                "have changed theirs. Choose another topic_prefix; `volcast state export` and `import` take the state along"
            )
    stored = _stored(state)
    return await _restored(client, partition, state), stored.last if stored else None


async def peek(client: Client, partition: int) -> Restored:
    """The same without fencing anybody: somebody may be writing meanwhile."""
    tp = client.at(Topic.STATE, partition)
    state, _ = await _read(client, tp, None)
    return await _restored(client, partition, state)


async def _read(client: Client, tp: TopicPartition, end: int | None) -> tuple[Mapping[bytes, bytes], list[Marker]]:
    """The last value of each key before the offset `end`, or all; and the markers on the way."""
    begin, last = (await bounds(client, [tp]))[tp]
    state: dict[bytes, bytes] = {}
    markers = []
    async with reading_from(client, {tp: begin}) as consumer:
        async for records in stretch(client, consumer, tp, begin, last if end is None else end):
            state.update((record.key, record.value) for record in records)
            markers += [_marker_decoder.decode(record.value) for record in records if record.key == MARKER]
    return state, markers


async def _restored(client: Client, partition: int, state: Mapping[bytes, bytes]) -> Restored:
    snapshots = {key: value for key, value in state.items() if value and not key.startswith(_OURS)}
    stored = _stored(state)
    begin = await _checked(client, partition, stored)
    if stored is None:
        return Restored(begin, snapshots, begin, begin)
    return Restored(stored.position, snapshots, stored.replay_from, begin)


def _stored(state: Mapping[bytes, bytes]) -> StoredPosition | None:
    return _position_decoder.decode(state[POSITION]) if POSITION in state else None


async def _checked(client: Client, partition: int, stored: StoredPosition | None) -> int:
    """-> the offset of the first retained candle. Raises Mismatch where the topic isn't the one that was read."""
    tp, looks = client.at(Topic.CANDLES, partition), 0
    while True:
        begin, end = (await bounds(client, [tp]))[tp]
        if stored is None or begin <= stored.position <= end:
            break
        looks += 1
        if stored.position < begin or looks == _LOOKS:  # a partition's new leader may not know its end at once: look again
            raise lost(client, partition, stored.position, begin, end)
        await asyncio.sleep(_LOOK_AGAIN_S)
    if stored and stored.last and stored.last[0] >= begin:
        await _check_last(client, tp, *stored.last)
    return begin


async def _check_last(client: Client, tp: TopicPartition, offset: int, expected: int) -> None:
    async with reading_from(client, {tp: offset}) as consumer:
        async for records in stretch(client, consumer, tp, offset, offset + 1):
            for record in records:
                if crc32(record.value or b"", crc32(record.key or b"")) == expected:
                    return
    raise Mismatch(
        f"{tp.topic}, partition {tp.partition}: offset {offset} no longer holds the candle that was dealt with there: the topic "
        "was recreated; choose another topic_prefix to begin anew"
    )


def lost(client: Client, partition: int, position: int, begin: int, end: int) -> Mismatch:
    """The next candle is not on the log, and no retry brings it back."""
    return Mismatch(
        f"{client.topic(Topic.CANDLES)}, partition {partition}: the state goes on at {position}, the log holds {begin} to {end}: "
        "it was recreated, or the consumer was away for longer than it keeps candles; choose another topic_prefix to begin anew"
    )
