"""The log on Kafka: four topics of as many partitions, transactions for whatever must be one atom.

A key's partition is Java's murmur2 of its bytes, as in the Java clients: other writers of `candles` must find the same.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

from .contract import Appender, Consumer, Reader, Topic
from .kafka_appender import KafkaAppender
from .kafka_client import Client, stop
from .kafka_consumer import KafkaConsumer
from .kafka_reader import reader
from .kafka_topics import prepare
from .kafka_writer import writer
from .retry import while_unavailable


class KafkaLog:
    """A `Log` on the brokers of `bootstrap` (`host:port[,host:port]`). `prefix` stands before the names of topics and ids."""

    def __init__(
        self,
        bootstrap: str,
        *,
        prefix: str = "",
        partitions: int = 4,
        group: str = "volcast",
        session_timeout_ms: int = 10_000,
        instance_id: str | None = None,
        retention_ms: int | None = None,
        username: str | None = None,
        password: str | None = None,
        tls: bool = False,
    ) -> None:
        self._client = Client(bootstrap, prefix, session_timeout_ms, username, password, tls)
        self._partitions, self._group, self._instance_id = partitions, group, instance_id
        self._retention_ms = retention_ms

    async def __aenter__(self) -> Self:
        await while_unavailable(
            f"Kafka at {self._client.bootstrap}", partial(prepare, self._client, self._partitions, self._retention_ms)
        )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """All ends close themselves."""

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator[Appender]:
        async with writer(self._client, f"volcast-append-{name}") as opened:
            yield KafkaAppender(self._client, opened, self._partitions)

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        timeout_ms = self._client.session_timeout_ms
        member = self._client.consumer(
            group_id=self._client.prefix + self._group,
            group_instance_id=self._instance_id,
            session_timeout_ms=timeout_ms,
            heartbeat_interval_ms=min(3_000, timeout_ms // 3),
        )
        consumer = KafkaConsumer(self._client, self._group, member)
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.close_all()
            await stop(member)

    @asynccontextmanager
    async def reader(self, topic: Topic) -> AsyncIterator[Reader]:
        async with reader(self._client, topic, self._partitions) as opened:
            yield opened
