"""Access to any log for tests: append records, open and poll a consumer, read a topic to its end."""

import asyncio
from collections.abc import Iterable

from volcast.log.contract import Consumer, KeyValue, Log, Record, Restored, Topic

TIMEOUT_S = 60.0


def anything(_value: bytes) -> bool:
    """Accept each record."""
    return True


async def fill(log: Log, records: Iterable[KeyValue]) -> None:
    """Append records to `candles`."""
    async with log.appender("test") as appender:
        await appender.append(list(records))


async def opened(consumer: Consumer, partition: int = 0) -> Restored:
    """Open a partition, and read from where its last commit ended."""
    restored = await consumer.open(partition)
    await consumer.seek(partition, restored.position)
    return restored


async def polled(consumer: Consumer, count: int, max_records: int = 100) -> list[Record]:
    """Return the next `count` candles of the open partitions, or a few more."""
    records: list[Record] = []
    async with asyncio.timeout(TIMEOUT_S):
        while len(records) < count:
            for batch in (await consumer.poll(max_records, 0.2)).values():
                assert len(batch) <= max_records
                records += batch
    return records


async def records_of(log: Log, topic: Topic) -> list[Record]:
    """Return all records that are committed on the topic now."""
    records: list[Record] = []
    async with asyncio.timeout(TIMEOUT_S), log.reader(topic) as reader:
        while not reader.caught_up:
            records += await reader.read(1_000, 0.1)
    return records
