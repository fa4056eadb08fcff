"""The log on Kafka: five topics with the same number of partitions; every append and every commit is a transaction.

The partition of a key is murmur2 of its bytes, as in Kafka's Java clients, so that other writers of `candles` choose the same.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Self

from volcast.log.contract import Appender, Consumer, Reader, Record, Restored, Topic, Unavailable
from volcast.log.retention import Retention
from volcast.log.retry import while_unavailable

from .access.log_filter import quieten
from .access.ports import check_ports
from .access.security import KafkaSecurity, check_access
from .access.watch import AccessWatch
from .client import KafkaClient, partition_of
from .consumer import KafkaConsumer
from .reader import latest_of_key, reader
from .standby.consumer import KafkaStandbyConsumer
from .state import peek
from .topics import prepare
from .writer import KafkaAppender, writer

_READ_RECORDS, _READ_S = 10_000, 0.2


class KafkaLog:
    """A `Log` on the brokers at `bootstrap` (`host:port[,host:port]`). `prefix` begins the names of all topics and ids."""

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
        retention_bytes: int | None = None,
        security: KafkaSecurity | None = None,
        must_exist: bool = False,
        standby: bool = False,
    ) -> None:
        """Consumers of a log with `standby` are each a StandbyConsumer."""
        self._client = KafkaClient(bootstrap, prefix, partitions, session_timeout_ms, security or KafkaSecurity())
        self._group, self._instance_id = group, instance_id
        self._retention = Retention(retention_ms, retention_bytes)
        self._must_exist = must_exist
        self._consumer = KafkaStandbyConsumer if standby else KafkaConsumer
        self._watch = AccessWatch(self._client)

    def __repr__(self) -> str:
        return f"KafkaLog({self._client})"

    async def __aenter__(self) -> Self:
        quieten()
        await while_unavailable(f"Kafka at {self._client.bootstrap}", self._prepare, Random())  # noqa: S311  # no secret: jitter
        self._watch.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop watching. Each appender, consumer and reader closes its own connections."""
        await self._watch.stop()

    @asynccontextmanager
    async def appender(self, name: str) -> AsyncIterator[Appender]:
        async with self._watch.explained(), writer(self._client, f"volcast-append-{name}") as opened:
            yield KafkaAppender(self._client, opened)

    @asynccontextmanager
    async def consumer(self) -> AsyncIterator[Consumer]:
        consumer = self._consumer(self._client, self._group, self._instance_id, self._watch.check)
        async with self._watch.explained():
            try:
                await consumer.start()
                yield consumer
            finally:
                await consumer.stop()

    async def peek(self, *, keys_only: bool = False) -> Mapping[int, Restored]:
        partitions = range(self._client.partitions)
        return {partition: await peek(self._client, partition, keys_only=keys_only) for partition in partitions}

    async def latest(self, topic: Topic, key: bytes, count: int) -> Sequence[Record]:
        async with self._watch.explained():
            return await latest_of_key(self._client, topic, self.partition_of(key), key, count)

    async def keys(self, topic: Topic) -> Sequence[bytes]:
        """Read all of the topic: a broker knows no keys."""
        found: set[bytes] = set()
        async with self.reader(topic) as opened:
            while not opened.caught_up:
                found.update(record.key for record in await opened.read(_READ_RECORDS, _READ_S) if record.key)
        return sorted(found)

    def partition_of(self, key: bytes) -> int:
        return partition_of(key, self._client.partitions)

    @asynccontextmanager
    async def reader(self, topic: Topic, start: Mapping[int, int] | None = None) -> AsyncIterator[Reader]:
        async with self._watch.explained(), reader(self._client, topic, self._watch.check, start or {}) as opened:
            yield opened

    async def _prepare(self) -> None:
        """Check sign-in and topics; create missing topics, unless they must exist. Raises Unavailable or Mismatch."""
        try:
            await check_access(self._client.bootstrap, self._client.security, self._client.timeout_s)
            await prepare(self._client, self._retention, must_exist=self._must_exist)
        except Unavailable:
            await check_ports(self._client.bootstrap, self._client.security)
            raise
