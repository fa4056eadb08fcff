"""How this room talks to a broker: where it is, what our topics are called there, how its errors read, how a client is ended."""

import asyncio
import inspect
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    ConsumerStoppedError,
    GroupAuthorizationFailedError,
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownProducerId,
)
from aiokafka.partitioner import murmur2
from aiokafka.producer import sender

from volcast.log.contract import Fenced, LogError, Mismatch, Topic, Unavailable

from .security import KafkaSecurity

MAX_BATCH_BYTES = 1_000_000
"""Below what a topic takes by default, 1 MiB and a little."""
_STOP_S = 1.0
_REQUEST_TIMEOUT_MS = 5_000
sender.BACKOFF_OVERRIDE = 0.002
"""aiokafka's pause before a transaction that follows at once on another: 20 ms as it comes, most of what a commit took."""
_FENCED = (
    ProducerFenced,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,  # the broker has forgotten an expired transactional id: as good as fenced
    UnknownProducerId,
    InvalidTxnState,
)
_FORBIDDEN = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
_FAILURES = (KafkaError, IllegalOperation, ConsumerStoppedError, OSError)


@dataclass(frozen=True, slots=True)
class Client:
    """A broker's address, our names there, and how to sign in. Makes producers and consumers; they are not started yet."""

    bootstrap: str
    prefix: str = ""
    partitions: int = 4
    session_timeout_ms: int = 10_000
    security: KafkaSecurity = field(default_factory=KafkaSecurity)

    @property
    def patience_s(self) -> float:
        """How long an answer may take. A transaction of a dead owner is over by then: brokers look for such every 10 s."""
        return self.session_timeout_ms / 1_000 + 15

    def topic(self, topic: Topic) -> str:
        """Its name on this broker."""
        return self.prefix + topic.value

    def at(self, topic: Topic, partition: int) -> TopicPartition:
        """A partition by its name on this broker."""
        return TopicPartition(self.topic(topic), partition)

    def connection(self) -> dict[str, Any]:
        """What every client of aiokafka is told."""
        return {
            "bootstrap_servers": self.bootstrap,
            "request_timeout_ms": max(_REQUEST_TIMEOUT_MS, self.session_timeout_ms),
            **self.security.options(),
        }

    def consumer(self, isolation_level: str = "read_committed", **options: Any) -> AIOKafkaConsumer:
        """Commits nothing by itself. Its position is one that was sought; where that is lost, see `auto_offset_reset`."""
        settings = {
            "isolation_level": isolation_level,
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "fetch_max_wait_ms": 100,  # a partition that has just been opened waits for the answer on the others
            "retry_backoff_ms": 20,
        }
        return AIOKafkaConsumer(**(self.connection() | settings | options))

    def producer(self, transactional_id: str) -> AIOKafkaProducer:
        """Starting it fences every other one of this id, and ends what that had left open."""
        return AIOKafkaProducer(
            **self.connection(),
            transactional_id=self.prefix + transactional_id,
            transaction_timeout_ms=self.session_timeout_ms,  # what a dead one left open holds up readers no longer
            acks="all",
            max_batch_size=MAX_BATCH_BYTES,
            retry_backoff_ms=2,  # each transaction's first write is refused until the broker has verified it: ask again soon
        )


@lru_cache(10_000)
def partition_of(key: bytes, partitions: int) -> int:
    """Java's murmur2, as the Java clients have it: other writers find the same partition."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """The errors of aiokafka in the contract's words; `what` says what was being done."""
    try:
        yield
    except _FAILURES as error:
        raise _explanation(error, what) from error


def _explanation(error: BaseException, what: str) -> LogError:
    reason: BaseException | None = error
    while reason is not None:  # aiokafka wraps what its background task met
        if isinstance(reason, _FENCED):
            return Fenced(f"{what}: another owner has come ({type(reason).__name__})")
        if isinstance(reason, _FORBIDDEN):
            return Mismatch(f"{what}: the broker refuses it for good: {reason}")
        reason = reason.__cause__
    return Unavailable(f"{what}: {str(error) or type(error).__name__}")


async def start(client: AIOKafkaConsumer | AIOKafkaProducer, timeout_s: float) -> None:
    """Begin. One that is cancelled, or late, is given a moment to get ready: amidst connecting it would leave a socket behind."""
    starting = asyncio.create_task(client.start())
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.shield(starting)
    finally:
        await asyncio.wait([starting], timeout=_STOP_S)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)


async def stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """End it within a bound: one whose broker is gone would wait for it for ever, and go on asking."""
    stopping = asyncio.create_task(client.stop())  # of its own: it may end by the cancellation of what it waits for
    await asyncio.wait([stopping], timeout=_STOP_S)
    if stopping.done() and not stopping.cancelled() and stopping.exception() is None:
        return
    parts = [part for part in vars(client).values() if type(part).__module__.startswith("aiokafka.")]
    left = [stopping, *(task for task in asyncio.all_tasks() if _belongs(task, parts))]
    for task in left:
        task.cancel()
    await asyncio.wait(left, timeout=_STOP_S)
    with suppress(*_FAILURES):
        async with asyncio.timeout(_STOP_S):
            await (client.client if isinstance(client, AIOKafkaProducer) else client._client).close()  # noqa: SLF001  # no public one


def _belongs(task: "asyncio.Task[Any]", parts: list[Any]) -> bool:
    """It runs a method of one of them."""
    coroutine = task.get_coro()
    owner = inspect.getcoroutinelocals(coroutine).get("self") if inspect.iscoroutine(coroutine) else None
    return any(owner is part for part in parts)
