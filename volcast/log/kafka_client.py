"""How this room talks to a broker: where it is, what our topics are called there, and what its errors mean to us."""

import asyncio
import logging
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    TransactionCoordinatorFenced,
    UnknownProducerId,
)
from aiokafka.partitioner import murmur2

from .contract import Fenced, Topic, Unavailable

MAX_BATCH_BYTES = 900_000
"""Below the 1 MB that a topic takes by default."""
ANSWER_TIMEOUT_S = 20.0
"""How long one operation may take before its outcome counts as unknown."""
_STOP_TIMEOUT_S = 3.0
_QUIET_S = 5.0
_REQUEST_TIMEOUT_MS = 10_000
_FENCED = (
    ProducerFenced,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,  # the broker has forgotten an expired transactional id: it is somebody else's from now on
    InvalidTxnState,
    OutOfOrderSequenceNumber,
    TransactionCoordinatorFenced,
    UnknownProducerId,
)


class _Quieter(logging.Filter):
    """Lets through what aiokafka has to say, once in a while.

    While a broker is away it says the same several hundred times a second; and in each transaction brokers answer "not enough
    replicas" to a partition's first write until they have verified it, which is no news at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last_s: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if "NotEnoughReplicas" in record.getMessage():
            return False
        now_s = time.monotonic()
        if now_s - self._last_s.get(record.msg, -inf) < _QUIET_S:
            return False
        self._last_s[record.msg] = now_s  # templates, not texts: there are some dozens of them
        return True


_quieter = _Quieter()
for _name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "aiokafka"]:
    logging.getLogger(_name).addFilter(_quieter)


@dataclass(frozen=True)
class Client:
    """A broker's address, our name there, and how to sign in. Makes producers and consumers; they are not started yet."""

    bootstrap: str
    prefix: str = ""
    session_timeout_ms: int = 10_000
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    def topic(self, topic: Topic) -> str:
        """Its name on this broker."""
        return self.prefix + topic.value

    def connection(self) -> dict[str, Any]:
        """What every client of aiokafka is told."""
        protocol = ("SASL_" if self.username else "") + ("SSL" if self.tls else "PLAINTEXT")
        return {
            "bootstrap_servers": self.bootstrap,
            "request_timeout_ms": _REQUEST_TIMEOUT_MS,
            "security_protocol": protocol,
            "ssl_context": ssl.create_default_context() if self.tls else None,
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def consumer(self, **options: Any) -> AIOKafkaConsumer:
        """Sees committed records only, commits nothing by itself, and has a position only where it was sought."""
        return AIOKafkaConsumer(
            **self.connection(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **options,
        )

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


def partition_of(key: bytes, partitions: int) -> int:
    """Java's murmur2, as the Java clients have it: other writers find the same partition."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """The errors of aiokafka in the contract's words."""
    try:
        yield
    except _FENCED as error:
        raise Fenced(f"{what}: another owner has come ({type(error).__name__})") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"{what}: {error or type(error).__name__}") from error


async def stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """End it, within a bound: one whose broker is gone would wait for it."""
    stopping = asyncio.ensure_future(client.stop())
    done, _ = await asyncio.wait([stopping], timeout=_STOP_TIMEOUT_S)
    if not done:
        stopping.cancel()
        await asyncio.wait([stopping])
    elif (error := stopping.exception()) is not None:
        logging.getLogger(__name__).debug("while stopping: %r", error)
