"""A real Kafka broker for tests and proofs: one given by KAFKA_BOOTSTRAP, or one of our own, started on this machine.

`runtime.py` has what our own runs on. It can be stopped, killed and started again on the same port with the same data.
"""

import os
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from .runtime import BrokerError, BrokerRuntime, runtime

USER, PASSWORD = "tester", "not-a-secret"  # for a broker that exists only during a test
_START_TIMEOUT_S = 60.0
_POLL_S = 0.05
_METADATA_V0 = struct.pack(">hhih", 3, 0, 1, -1) + struct.pack(">i", 0)
"""A Kafka request for the metadata of all topics, without a client id."""
_RESPONSE_BYTES = 12
"""The beginning of the response: its length, our correlation id, and the number of brokers."""


class Broker:
    """A broker of our own, with three addresses: `bootstrap`; `bootstrap_for_users`, which requires SASL PLAIN with USER and
    PASSWORD; and `bootstrap_by_proxy`.

    Clients that connect to `bootstrap_by_proxy` are directed to that port for all further connections. A proxy must listen there
    and forward to `proxied_port`.
    """

    def __init__(self, parent: Path | None = None, extra_properties: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="volcast-kafka-", dir=parent))
        self._port, self._users_port, controller_port, self.proxied_port, self.proxy_port = free_ports(5)
        self.bootstrap = f"127.0.0.1:{self._port}"
        self.bootstrap_for_users = f"127.0.0.1:{self._users_port}"
        self.bootstrap_by_proxy = f"127.0.0.1:{self.proxy_port}"
        settings = properties(self._port, self._users_port, controller_port, self.proxied_port, self.proxy_port)
        settings |= extra_properties or {}
        try:
            self._runtime: BrokerRuntime = runtime(self.folder, settings, (self._port, self._users_port, self.proxied_port))
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def start(self, *, wait: bool = True) -> Self:
        """Start the broker and, with `wait`, wait until it responds. Raises BrokerError if it ends or does not respond."""
        self._runtime.start()
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Wait until the broker responds. Raises BrokerError with the end of its log if it ends or does not respond in time."""
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while not is_responding(self._port):
            if self._runtime.has_ended() or time.monotonic() > deadline_s:
                raise BrokerError(f"the Kafka broker at {self.bootstrap} does not respond; its log:\n{self._runtime.log_tail()}")
            time.sleep(_POLL_S)

    def stop(self, *, kill: bool = False) -> None:
        """Stop or kill the broker. `start` brings it back with all its data."""
        self._runtime.stop(kill=kill)

    def close(self) -> None:
        """Stop the broker and delete its data."""
        self._runtime.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def broker(parent: Path | None = None, extra_properties: Mapping[str, str] | None = None) -> Iterator[Broker]:
    """Run a broker of our own while the `with` lasts, its files in a new folder below `parent`, with `extra_properties`.

    Raises BrokerError if none can be started; the message says what to install.
    """
    running = Broker(parent, extra_properties)
    try:
        yield running.start()
    finally:
        running.close()


@contextmanager
def bootstrap(parent: Path | None = None) -> Iterator[str]:
    """Give the address of a broker: the one in KAFKA_BOOTSTRAP, or one of our own while the `with` lasts."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with broker(parent) as running:
        yield running.bootstrap


def properties(port: int, users_port: int, controller_port: int, proxied_port: int, proxy_port: int) -> dict[str, str]:
    """Return the properties of a single small node. The runtime adds the data folder, and replaces HOST in the addresses."""
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join(
            [
                f"OPEN://HOST:{port}",
                f"USERS://HOST:{users_port}",
                f"PROXIED://HOST:{proxied_port}",
                f"CONTROLLER://127.0.0.1:{controller_port}",
            ]
        ),
        "advertised.listeners": f"OPEN://127.0.0.1:{port},USERS://127.0.0.1:{users_port},PROXIED://127.0.0.1:{proxy_port}",
        "listener.security.protocol.map": "OPEN:PLAINTEXT,USERS:SASL_PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "OPEN",
        "listener.name.users.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.users.plain.sasl.jaas.config": f'{login} user_{USER}="{PASSWORD}";',
        "auto.create.topics.enable": "false",
        "default.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "2",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "500",
        "broker.heartbeat.interval.ms": "500",
        "metadata.max.idle.interval.ms": "5000",  # an idle broker would write a record to its own log twice a second
        "broker.session.timeout.ms": "2000",  # a killed broker cannot register again any sooner, a busy one is fenced later
        "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
        "log.cleaner.backoff.ms": "500",
    }


def is_responding(port: int) -> bool:
    """Return whether a broker at this port of this machine responds to a metadata request."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(struct.pack(">i", len(_METADATA_V0)) + _METADATA_V0)
            response = connection.recv(_RESPONSE_BYTES)
    except OSError:
        return False
    return len(response) == _RESPONSE_BYTES and struct.unpack(">iii", response)[2] > 0


def free_ports(count: int) -> list[int]:
    """Return ports of this machine on which nothing listens now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()
