"""A partition's state: the last value of each key on the compacted topic, the position among them."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from .contract import KeyValue, Mismatch, Restored, Topic, Unavailable
from .kafka_client import Client
from .kafka_reader import bounds, reading_from, stretch
from .kafka_writer import Writer

POSITION, MARKER = b"@log/position", b"@log/opened"
_OURS = b"@log/"
_LOOKS, _LOOK_AGAIN_S = 10, 0.5


def state_records(position: int, snapshots: Sequence[KeyValue]) -> Sequence[tuple[bytes, bytes | None]]:
    """What a commit writes there; an empty snapshot forgets its key. Raises ValueError for a key that is the log's own."""
    if any(snapshot.key.startswith(_OURS) for snapshot in snapshots):
        raise ValueError(f"keys that begin with {_OURS.decode()} are the log's own")
    return [*((key, value or None) for key, value in snapshots), (POSITION, b"%d" % position)]


async def restore(client: Client, writer: Writer, partition: int) -> Restored:
    """What the last commit left. `writer` has fenced all others: nothing of theirs can come behind the marker it writes first.

    Raises Unavailable, or Mismatch where the log no longer holds the position.
    """
    tp = client.at(Topic.STATE, partition)
    marked = await writer.write({tp: [KeyValue(MARKER, uuid4().hex.encode())]})
    if marked[tp] < 0:
        raise Unavailable(f"{tp.topic}, partition {partition}: the broker does not say where it wrote")
    begin = (await bounds(client, [tp]))[tp][0]
    state: dict[bytes, bytes] = {}
    async with reading_from(client, {tp: begin}) as consumer:
        async for records in stretch(client, consumer, tp, begin, marked[tp] + 1):
            state.update((record.key, record.value) for record in records)
    position = await _checked(client, partition, state.get(POSITION))
    return Restored(position, {key: value for key, value in state.items() if value and not key.startswith(_OURS)})


async def _checked(client: Client, partition: int, stored: bytes | None) -> int:
    """The position, or where there is none yet, the first retained candle's."""
    tp, looks = client.at(Topic.CANDLES, partition), 0
    while True:
        begin, end = (await bounds(client, [tp]))[tp]
        position = begin if stored is None else int(stored)
        if begin <= position <= end:
            return position
        looks += 1
        if position < begin or looks == _LOOKS:  # a partition's new leader may not know its end at once: look again
            raise lost(client, partition, position, begin, end)
        await asyncio.sleep(_LOOK_AGAIN_S)


def lost(client: Client, partition: int, position: int, begin: int, end: int) -> Mismatch:
    """The next candle is not on the log, and no retry brings it back."""
    return Mismatch(
        f"{client.topic(Topic.CANDLES)}, partition {partition}: the state goes on at {position}, the log holds {begin} to {end}: "
        "it was recreated, or the consumer was away for longer than it keeps candles; choose another topic_prefix to begin anew"
    )
