"""The logs on which a proof with real processes runs: a SQLite file, or topics on Kafka; and how the connection is cut there."""

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

from .broker import Broker, broker
from .faults import ProcessFaultKind
from .kafka_proxy import KafkaProxy, kafka_proxy
from .runtime import BrokerError

SQLITE_SESSION_S = 2
KAFKA_SESSION_S = 6
"""The shortest session timeout that brokers accept by default."""
_CONNECT_TIMEOUT_S = 30.0
_POLL_S = 0.005
_DELETION_CHECKS = 100


class Backend(Protocol):
    """A log for a proof, and the faults that can happen to it."""

    log: Log
    partitions: int
    session_s: int
    fault_kinds: frozenset[ProcessFaultKind]
    """The faults that are possible here, besides those that end workers."""
    limits: str
    """A sentence for the report about what is not possible here; empty where everything is."""

    def arguments(self) -> tuple[str, ...]:
        """Return the command-line arguments of every process."""

    def name_arguments(self, name: str) -> tuple[str, ...]:
        """Return further arguments of a worker that joins its group under this name."""

    async def cut(self, seconds: float) -> None:
        """Break the connections of all processes for `seconds`."""

    async def delay_end(self, seconds: float) -> None:
        """Delay the end of a transaction, at most for `seconds`, so that it arrives in the next transaction of its producer."""

    async def restart_broker(self) -> None:
        """Kill the broker and start it again. Raises BrokerError."""

    async def clean_up(self) -> None:
        """Delete what the proof left on a broker that is not ours."""


class SqliteBackend:
    """A SQLite file in `folder`. To cut the connection, another client holds the lock that writers need."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.db"
        self.log: Log = SqliteLog(self._path, session_timeout_s=SQLITE_SESSION_S)
        self.partitions, self.session_s, self.limits = 1, SQLITE_SESSION_S, ""
        self.fault_kinds = frozenset(
            {ProcessFaultKind.PAUSE, ProcessFaultKind.PRODUCER, ProcessFaultKind.API, ProcessFaultKind.CUT}
        )

    def arguments(self) -> tuple[str, ...]:
        return ("--bus", f"sqlite:///{self._path}", "--session-timeout-s", str(self.session_s))

    def name_arguments(self, name: str) -> tuple[str, ...]:  # noqa: ARG002  # members have no names on SQLite
        return ()

    async def cut(self, seconds: float) -> None:
        with closing(sqlite3.connect(self._path, timeout=0.0, isolation_level=None)) as other_client:
            while not other_client.in_transaction:  # the event loop must not wait for the lock
                with suppress(sqlite3.OperationalError):
                    other_client.execute("BEGIN IMMEDIATE")
                await asyncio.sleep(_POLL_S)
            await asyncio.sleep(seconds)
            other_client.execute("ROLLBACK")

    async def delay_end(self, seconds: float) -> None:  # noqa: ARG002  # not possible here
        raise AssertionError("a file has no requests, and DELAY is not one of its fault kinds")

    async def restart_broker(self) -> None:
        raise AssertionError("a file has no broker, and BROKER is not one of its fault kinds")

    async def clean_up(self) -> None:
        """Do nothing: the caller deletes the folder."""


class KafkaBackend:
    """Topics of our own on a broker. Only a broker that we started is killed; it is reached through a proxy that can be cut."""

    def __init__(
        self, bootstrap: str, partitions: int, own_broker: Broker | None = None, own_proxy: KafkaProxy | None = None
    ) -> None:
        self._bootstrap, self._own_broker, self._proxy = bootstrap, own_broker, own_proxy
        self._prefix = f"proof-{uuid4().hex[:8]}."
        self.partitions, self.session_s = partitions, KAFKA_SESSION_S
        timeout_ms = KAFKA_SESSION_S * 1_000
        self.log: Log = KafkaLog(bootstrap, prefix=self._prefix, partitions=partitions, session_timeout_ms=timeout_ms)
        self.fault_kinds = frozenset(
            {
                ProcessFaultKind.PAUSE,
                ProcessFaultKind.PRODUCER,
                ProcessFaultKind.API,
                *((ProcessFaultKind.CUT, ProcessFaultKind.DELAY, ProcessFaultKind.BROKER) if own_broker else ()),
            }
        )
        self.limits = (
            "" if own_broker else f"the broker at {bootstrap} is not ours: it was not killed, its connections not cut or delayed"
        )

    def arguments(self) -> tuple[str, ...]:
        return (
            *("--bus", f"kafka://{self._own_broker.bootstrap_by_proxy if self._own_broker else self._bootstrap}"),
            *("--topic-prefix", self._prefix),
            *("--partitions", str(self.partitions)),
            *("--session-timeout-s", str(self.session_s)),
        )

    def name_arguments(self, name: str) -> tuple[str, ...]:
        return ("--instance-id", name)

    async def cut(self, seconds: float) -> None:
        if self._proxy:
            await self._proxy.cut(seconds)

    async def delay_end(self, seconds: float) -> None:
        if self._proxy:
            await self._proxy.delay_end(seconds)

    async def restart_broker(self) -> None:
        if own_broker := self._own_broker:
            await finish_in_thread(lambda: own_broker.stop(kill=True))
            await finish_in_thread(own_broker.start)

    async def connect(self, timeout_s: float = _CONNECT_TIMEOUT_S) -> None:
        """Wait until the broker responds. Raises BrokerError if it does not, LogError if it refuses."""
        try:
            async with asyncio.timeout(timeout_s), self.log:
                pass
        except TimeoutError:
            raise BrokerError(
                f"no Kafka broker responds at KAFKA_BOOTSTRAP={self._bootstrap}: start it, or unset KAFKA_BOOTSTRAP to have one "
                "started here"
            ) from None

    async def clean_up(self) -> None:
        if self._own_broker:
            return
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        with suppress(KafkaError):  # we may not be allowed to
            await admin.start()
            names = {f"{self._prefix}{topic.value}" for topic in Topic}
            await admin.delete_topics(sorted(names))
            for _ in range(_DELETION_CHECKS):  # the broker answers before they are gone
                if names.isdisjoint(await admin.list_topics()):
                    break
                await asyncio.sleep(0.1)
        await admin.close()


@asynccontextmanager
async def kafka_backend(folder: Path, partitions: int, given: str | None) -> AsyncIterator[KafkaBackend]:
    """Give a backend on the broker at the address `given`, or else on one started here, its files in `folder`.

    Raises BrokerError if there is no broker and none can be started.
    """
    if given:
        backend = KafkaBackend(given, partitions)
        await backend.connect()
        yield backend
        return
    with ExitStack() as stack:
        own_broker = await finish_in_thread(lambda: stack.enter_context(broker(folder)))
        async with kafka_proxy(own_broker.proxy_port, own_broker.proxied_port) as own_proxy:
            yield KafkaBackend(own_broker.bootstrap, partitions, own_broker, own_proxy)


_Result = TypeVar("_Result")


async def finish_in_thread(work: Callable[[], _Result]) -> _Result:
    """Return the result of `work`, run in a thread. A cancellation of the caller takes effect only when the work is done."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
