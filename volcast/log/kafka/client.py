"""Access to Kafka's brokers: options of aiokafka's clients, names of topics, start and stop of clients."""

import asyncio
import inspect
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.partitioner import murmur2
from aiokafka.producer import sender

from volcast.log.contract import Topic

from .access.security import KafkaSecurity
from .batches import read_batches_within_bounds
from .producer import end_transactions_once

MAX_BATCH_BYTES = 1_000_000
"""Less than the default limit of a topic, `max.message.bytes`, which is slightly above 1 MiB."""
_STOP_S = 1.5
_REQUEST_TIMEOUT_MS = 5_000
sender.BACKOFF_OVERRIDE = 0.002
"""aiokafka's pause before a transaction that immediately follows another; its default of 20 ms was most of a commit's time."""
end_transactions_once()
read_batches_within_bounds()


@dataclass(frozen=True, slots=True)
class KafkaClient:
    """The brokers' addresses, the names of our topics, and how to sign in. Creates producers and consumers, not yet started."""

    bootstrap: str
    prefix: str = ""
    partitions: int = 4
    session_timeout_ms: int = 10_000
    security: KafkaSecurity = field(default_factory=KafkaSecurity)

    @property
    def timeout_s(self) -> float:
        """How long an operation may take. Transactions of a dead owner are aborted by then: brokers do that every 10 s."""
        return self.session_timeout_ms / 1_000 + 15

    def topic(self, topic: Topic) -> str:
        """Return the topic's name on the broker."""
        return self.prefix + topic.value

    def at(self, topic: Topic, partition: int) -> TopicPartition:
        """Return aiokafka's name of a partition."""
        return TopicPartition(self.topic(topic), partition)

    def connection(self) -> dict[str, Any]:
        """Return the options that all of aiokafka's clients share. Raises Mismatch if a certificate file can't be used."""
        return {
            "bootstrap_servers": self.bootstrap,
            "request_timeout_ms": max(_REQUEST_TIMEOUT_MS, self.session_timeout_ms),
            **self.security.options(),
        }

    def consumer(self, isolation_level: str = "read_committed", **options: Any) -> AIOKafkaConsumer:
        """Return a consumer that commits no offsets. Its position is set by `seek`; if that offset is gone from the log,
        `auto_offset_reset` applies.
        """
        settings = {
            "isolation_level": isolation_level,
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "fetch_max_wait_ms": 250,  # a newly opened partition waits until the fetch in progress for the others ends
            "retry_backoff_ms": 20,
        }
        return AIOKafkaConsumer(**(self.connection() | settings | options))

    def producer(self, transactional_id: str) -> AIOKafkaProducer:
        """Return a producer. Starting it fences every other producer with this id and ends the transaction that one left open."""
        return AIOKafkaProducer(
            **self.connection(),
            transactional_id=self.prefix + transactional_id,
            transaction_timeout_ms=self.session_timeout_ms,  # no longer does a dead producer's transaction block readers
            acks="all",
            max_batch_size=MAX_BATCH_BYTES,
            retry_backoff_ms=2,  # the broker refuses a transaction's first write until it has verified the partition: retry soon
        )


@lru_cache(10_000)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key by murmur2, as Kafka's Java clients do: other writers choose the same partition."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


async def start(client: AIOKafkaConsumer | AIOKafkaProducer, timeout_s: float) -> None:
    """Start a client within `timeout_s`, else raise TimeoutError, or an error of aiokafka's.

    If the start is cancelled or times out, the client still gets a moment to finish connecting: aiokafka leaves a socket open
    if it is cancelled in the middle of that.
    """
    starting = asyncio.create_task(client.start())
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.shield(starting)
    except AssertionError as error:  # it has lost its connections meanwhile, and asserts that it knows a broker to ask
        raise KafkaConnectionError(f"the connections were lost during the start: {error}") from error
    finally:
        await asyncio.wait([starting], timeout=_STOP_S)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


async def stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stop a client within a few seconds. aiokafka's own `stop` waits for ever, still sending requests, if the broker is gone.

    After `_STOP_S` the client's background tasks are cancelled and its connections closed.
    """
    stopping = asyncio.create_task(client.stop())  # a task of its own: it may be cancelled along with what it waits for
    await asyncio.wait([stopping], timeout=_STOP_S)
    if stopping.done() and not stopping.cancelled() and stopping.exception() is None:
        return
    parts = [part for part in vars(client).values() if type(part).__module__.startswith("aiokafka.")]
    remaining = [stopping, *(task for task in asyncio.all_tasks() if _runs_method_of(parts, task))]
    for task in remaining:
        task.cancel()
    await asyncio.wait(remaining, timeout=_STOP_S)
    connections = client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001  # there is no public one
    closing = asyncio.create_task(connections.close())  # as above: what it waits for was cancelled, perhaps
    await asyncio.wait([closing], timeout=_STOP_S)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)


def _runs_method_of(parts: list[Any], task: "asyncio.Task[Any]") -> bool:
    """Return whether the task runs a method of one of these objects."""
    coroutine = task.get_coro()
    owner = inspect.getcoroutinelocals(coroutine).get("self") if inspect.iscoroutine(coroutine) else None
    return any(owner is part for part in parts)
