"""Transactions: records for several partitions, written as one atom by a producer that fences its forerunners."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from .contract import Fenced, KeyValue, LogError, Unavailable
from .kafka_client import ANSWER_TIMEOUT_S, Client, explained, stop

Target = tuple[str, int]
"""A topic's name on the broker, and a partition."""


class Writer:
    """A transactional producer. After an error it is of no more use."""

    def __init__(self, producer: AIOKafkaProducer, what: str, timeout_s: float) -> None:
        self._producer, self._what, self._timeout_s = producer, what, timeout_s

    @classmethod
    async def open(cls, client: Client, transactional_id: str) -> "Writer":
        """Fences the former one of this id. Raises Unavailable."""
        what = f"opening {transactional_id}"
        writer = cls(client.producer(transactional_id), transactional_id, client.session_timeout_ms / 1_000)
        try:
            with explained(what):
                await asyncio.wait_for(writer._producer.start(), ANSWER_TIMEOUT_S)
        except BaseException:
            await writer.close()
            raise
        return writer

    async def write(self, records: Mapping[Target, Sequence[KeyValue]]) -> None:
        """All of them, or none. Raises Fenced or Unavailable, and LogError for a record that no batch can hold."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            with explained(self._what):
                await asyncio.wait_for(self._write(records), ANSWER_TIMEOUT_S)
        except Fenced as fenced:
            if loop.time() - began_s < self._timeout_s:
                raise
            # The broker gives up a transaction after this time by fencing its producer, without any other owner.
            raise Unavailable(f"{self._what}: the transaction took longer than {self._timeout_s:.0f} s") from fenced

    async def close(self) -> None:
        """Let go of it. What it left open is ended by the next one of its id, or by the broker after a while."""
        await stop(self._producer)

    async def _write(self, records: Mapping[Target, Sequence[KeyValue]]) -> None:
        await self._producer.begin_transaction()
        sent = [future for target, each in records.items() if each for future in await self._send(target, each)]
        await asyncio.gather(*sent)
        await self._producer.commit_transaction()

    async def _send(self, target: Target, records: Sequence[KeyValue]) -> "list[asyncio.Future[object]]":
        """In batches made here: `send` for each record would cost most of the time."""
        topic, partition = target
        futures = []
        batch = self._producer.create_batch()
        for record in records:
            if batch.append(key=record.key, value=record.value, timestamp=None) is None:
                if batch.record_count() == 0:
                    raise LogError(f"a record of {len(record.value)} bytes for {topic} is larger than a batch")
                futures.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                if batch.append(key=record.key, value=record.value, timestamp=None) is None:
                    raise LogError(f"a record of {len(record.value)} bytes for {topic} is larger than a batch")
        futures.append(await self._producer.send_batch(batch, topic, partition=partition))
        return futures


@asynccontextmanager
async def writer(client: Client, transactional_id: str) -> AsyncIterator[Writer]:
    """Open for as long as the `async with` lasts."""
    opened = await Writer.open(client, transactional_id)
    try:
        yield opened
    finally:
        await opened.close()
