"""What the suite of the logs works with: records of one letter, and a consumer with all open that it was given."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from tests.log_ends import PATIENCE_S, fill, polled
from volcast.log.contract import Consumer, KeyValue, Log, Record, Restored

OpenLog = Callable[[], Log]


def pairs(*texts: str) -> list[KeyValue]:
    """`A1 B1 A2`: key A with value 1, and so on."""
    return [KeyValue(text[:1].encode(), text[1:].encode()) for text in texts]


async def append(log: Log, *records: KeyValue) -> None:
    await fill(log, records)


def values(records: Sequence[Record], key: bytes = b"A") -> list[bytes]:
    return [record.value for record in records if record.key == key]


class Worker:
    """A consumer with all that it was given open, and sought to where the output goes on."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.restored: dict[int, Restored] = {}

    async def start(self) -> Self:
        async with asyncio.timeout(PATIENCE_S):
            while not (assigned := await self.consumer.assignment()):
                await self.consumer.poll(1, 0.05)
            for partition in assigned:
                self.restored[partition] = await self.consumer.open(partition)
                await self.consumer.seek(partition, self.restored[partition].position)
        return self

    async def polled(self, count: int, max_records: int = 100) -> list[Record]:
        """The next `count` candles."""
        return await polled(self.consumer, count, max_records)
