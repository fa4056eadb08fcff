"""Helpers of the log's contract tests: short records, and a worker that opens all partitions assigned to its consumer."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from tests.log_access import TIMEOUT_S, fill, polled
from volcast.log.contract import Consumer, KeyValue, Log, Record, Restored

OpenLog = Callable[[], Log]


def pairs(*texts: str) -> list[KeyValue]:
    """Return records from short texts: "A1" is key A with value 1."""
    return [KeyValue(text[:1].encode(), text[1:].encode()) for text in texts]


async def append(log: Log, *records: KeyValue) -> None:
    await fill(log, records)


def values(records: Sequence[Record], key: bytes = b"A") -> list[bytes]:
    return [record.value for record in records if record.key == key]


class Worker:
    """A consumer with all its assigned partitions open, and positioned where the output continues."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.restored: dict[int, Restored] = {}

    async def start(self) -> Self:
        async with asyncio.timeout(TIMEOUT_S):
            while not (assigned := await self.consumer.assignment()):
                await self.consumer.poll(1, 0.05)
            for partition in assigned:
                self.restored[partition] = await self.consumer.open(partition)
                await self.consumer.seek(partition, self.restored[partition].position)
        return self

    async def polled(self, count: int, max_records: int = 100) -> list[Record]:
        """Return the next `count` candles, or a few more."""
        return await polled(self.consumer, count, max_records)
