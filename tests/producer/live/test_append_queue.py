import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from producer.live.append_queue import MAX_RECORDS, AppendQueue
from volcast.log.contract import KeyValue, Topic, Unavailable
from volcast.log.sqlite.log import SqliteLog


def records(numbers: Sequence[int]) -> list[KeyValue]:
    return [KeyValue(b"X", b"%d" % number) for number in numbers]


async def test_records_are_appended_in_order_and_in_batches() -> None:
    async with SqliteLog(":memory:") as log, log.appender("x") as appender, log.reader(Topic.CANDLES) as reader:
        queue = AppendQueue(appender, append_records=7)
        appending = asyncio.create_task(queue.run())
        queue.put(records(range(5_000)))
        await queue.wait_for_room()
        queue.put(records(range(5_000, 6_000)))
        read: list[bytes] = []
        while len(read) < 6_000:
            read += [record.value for record in await reader.read(1_000, 1.0)]
        assert read == [b"%d" % number for number in range(6_000)]
        appending.cancel()
        with suppress(asyncio.CancelledError):
            await appending


async def test_a_queue_that_grows_too_long_raises_unavailable() -> None:
    async with SqliteLog(":memory:") as log, log.appender("x") as appender:
        queue = AppendQueue(appender, append_records=7)
        with pytest.raises(Unavailable, match="does not keep up"):
            queue.put(records(range(MAX_RECORDS + 1)))
