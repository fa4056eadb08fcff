import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from producer.live.append_queue import MAX_RECORDS, AppendQueue
from volcast.log.contract import KeyValue, Topic, Unavailable
from volcast.log.sqlite.log import SqliteLog


def records(numbers: Sequence[int]) -> list[KeyValue]:
    return [KeyValue(b"X", b"%d" % number) for number in numbers]


async def test_it_writes_in_order_and_in_bunches() -> None:
    async with SqliteLog(":memory:") as log, log.appender("x") as appender, log.reader(Topic.CANDLES) as reader:
        outbox = AppendQueue(appender, append_records=7)
        writing = asyncio.create_task(outbox.run())
        outbox.put(records(range(5_000)))
        await outbox.room()
        outbox.put(records(range(5_000, 6_000)))
        read: list[bytes] = []
        while len(read) < 6_000:
            read += [record.value for record in await reader.read(1_000, 1.0)]
        assert read == [b"%d" % number for number in range(6_000)]
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


async def test_a_log_that_does_not_keep_up_is_said_so() -> None:
    async with SqliteLog(":memory:") as log, log.appender("x") as appender:
        outbox = AppendQueue(appender, append_records=7)
        with pytest.raises(Unavailable, match="does not keep up"):
            outbox.put(records(range(MAX_RECORDS + 1)))
