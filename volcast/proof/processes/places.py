"""Where a proof takes place: on a SQLite file, or on Kafka; and how the connection to it is broken there."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from volcast.log.contract import Log, Topic
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog

from .broker import Broker, BrokerError, broker
from .faults import ProcessFaultKind
from .proxy import Proxy, proxy

SQLITE_SESSION_S = 2
KAFKA_SESSION_S = 6
"""The shortest that brokers take by default."""
_ANSWERS_WITHIN_S = 30.0
_ASK_AGAIN_S = 0.005


class Backend(Protocol):
    """What is to be known of it."""

    log: Log
    partitions: int
    session_s: int
    kinds: frozenset[ProcessFaultKind]
    """Faults that can strike here, beside the ends of workers."""
    limits: str
    """What can't be done here, for the report; empty where all can."""

    def arguments(self) -> tuple[str, ...]:
        """Of each process."""

    def named(self, name: str) -> tuple[str, ...]:
        """Further ones, of a worker with this name in the group."""

    async def cut(self, seconds: float) -> None:
        """Break the connection of all processes for so long."""

    async def restart_broker(self) -> None:
        """Kill it, and bring it back. Raises BrokerError."""

    async def tidy(self) -> None:
        """Leave nothing on what is not ours."""


class SqliteBackend:
    """A file in `folder`. Its connection is broken by a stranger who holds the lock that writers need."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.db"
        self.log: Log = SqliteLog(self._path, session_timeout_s=SQLITE_SESSION_S)
        self.partitions, self.session_s, self.limits = 1, SQLITE_SESSION_S, ""
        self.kinds = frozenset({ProcessFaultKind.PAUSE, ProcessFaultKind.PRODUCER, ProcessFaultKind.API, ProcessFaultKind.CUT})

    def arguments(self) -> tuple[str, ...]:
        return ("--bus", f"sqlite:///{self._path}", "--session-timeout-s", str(self.session_s))

    def named(self, name: str) -> tuple[str, ...]:  # noqa: ARG002  # nobody asks for names here
        return ()

    async def cut(self, seconds: float) -> None:
        with closing(sqlite3.connect(self._path, timeout=0.0, isolation_level=None)) as stranger:
            while not stranger.in_transaction:  # the event loop must not wait for the lock
                with suppress(sqlite3.OperationalError):
                    stranger.execute("BEGIN IMMEDIATE")
                await asyncio.sleep(_ASK_AGAIN_S)
            await asyncio.sleep(seconds)
            stranger.execute("ROLLBACK")

    async def restart_broker(self) -> None:
        raise AssertionError("a file has no broker, and BROKER is none of its kinds")

    async def tidy(self) -> None:
        """The folder is the caller's."""


class KafkaBackend:
    """Topics of our own on a broker. Only one that we started is killed, and is reached through a proxy that can be cut."""

    def __init__(self, bootstrap: str, partitions: int, own: Broker | None = None, way: Proxy | None = None) -> None:
        self._bootstrap, self._own, self._way = bootstrap, own, way
        self._prefix = f"proof-{uuid4().hex[:8]}."
        self.partitions, self.session_s = partitions, KAFKA_SESSION_S
        timeout_ms = KAFKA_SESSION_S * 1_000
        self.log: Log = KafkaLog(bootstrap, prefix=self._prefix, partitions=partitions, session_timeout_ms=timeout_ms)
        self.kinds = frozenset(
            {
                ProcessFaultKind.PAUSE,
                ProcessFaultKind.PRODUCER,
                ProcessFaultKind.API,
                *((ProcessFaultKind.CUT, ProcessFaultKind.BROKER) if own else ()),
            }
        )
        self.limits = "" if own else f"the broker at {bootstrap} is not ours: neither it nor the connection to it was broken"

    def arguments(self) -> tuple[str, ...]:
        return (
            *("--bus", f"kafka://{self._own.bootstrap_by_proxy if self._own else self._bootstrap}"),
            *("--topic-prefix", self._prefix),
            *("--partitions", str(self.partitions)),
            *("--session-timeout-s", str(self.session_s)),
        )

    def named(self, name: str) -> tuple[str, ...]:
        return ("--instance-id", name)

    async def cut(self, seconds: float) -> None:
        if self._way:
            await self._way.cut(seconds)

    async def restart_broker(self) -> None:
        if own := self._own:
            await to_its_end(lambda: own.stop(kill=True))
            await to_its_end(own.start)

    async def reached(self, within_s: float = _ANSWERS_WITHIN_S) -> None:
        """Return when the broker answers. Raises BrokerError where it doesn't, LogError where it refuses."""
        try:
            async with asyncio.timeout(within_s), self.log:
                pass
        except TimeoutError:
            raise BrokerError(
                f"no Kafka broker answers at KAFKA_BOOTSTRAP={self._bootstrap}: start it, or unset KAFKA_BOOTSTRAP to have one "
                "started here"
            ) from None

    async def tidy(self) -> None:
        if self._own:
            return
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        with suppress(KafkaError):  # the broker's owner may not let us
            await admin.start()
            await admin.delete_topics([f"{self._prefix}{topic.value}" for topic in Topic])
        await admin.close()


@asynccontextmanager
async def kafka_backend(folder: Path, partitions: int, given: str | None) -> AsyncIterator[KafkaBackend]:
    """On the broker `given`, else on one that is started here. Raises BrokerError where none can be had."""
    if given:
        place = KafkaBackend(given, partitions)
        await place.reached()
        yield place
        return
    with ExitStack() as stack:
        own = await to_its_end(lambda: stack.enter_context(broker(folder)))
        async with proxy(own.proxy_port, own.proxied_port) as way:
            yield KafkaBackend(own.bootstrap, partitions, own, way)


_Result = TypeVar("_Result")


async def to_its_end(work: Callable[[], _Result]) -> _Result:
    """`work` in a thread; where the caller is cancelled, that is heard of once the work is done."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
