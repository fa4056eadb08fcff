"""A real Kafka broker for tests and proofs: one given by KAFKA_BOOTSTRAP, or one of our own, started on this machine.

Our own runs on Java with jars fetched by Maven (kafka/pom.xml), or else in a Docker container. It can be stopped, killed and
started again on the same port with the same data.
"""

import hashlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, Self

import platformdirs

IMAGE = "apache/kafka:4.1.0"
POM = Path(__file__).parent.parent / "kafka" / "pom.xml"
JARS = platformdirs.user_cache_path("volcast") / "kafka"
ADVICE = "install Java 17 and Maven, or start Docker, or set KAFKA_BOOTSTRAP=host:port to a Kafka broker (4.0 or newer)"
USER, PASSWORD = "tester", "not-a-secret"  # for a broker that exists only during a test
_START_TIMEOUT_S = 60.0
_POLL_S = 0.05
_METADATA_V0 = struct.pack(">hhih", 3, 0, 1, -1) + struct.pack(">i", 0)
"""A Kafka request for the metadata of all topics, without a client id."""
_RESPONSE_BYTES = 12
"""The beginning of the response: its length, our correlation id, and the number of brokers."""


class BrokerError(Exception):
    """No broker can be started or reached; the message says what is missing, or ends with the broker's log."""


class BrokerRuntime(Protocol):
    """Runs the broker: on Java, or in a container."""

    def start(self) -> None:
        """Start the broker. Returns before it responds to requests."""

    def stop(self, *, kill: bool) -> None:
        """Stop the broker in good order, or kill it. Its data stays."""

    def has_ended(self) -> bool:
        """Return whether the broker is not running."""

    def log_tail(self) -> str:
        """Return the last lines of the broker's log."""

    def remove(self) -> None:
        """Stop the broker and remove everything that belongs to it."""


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
            self._runtime: BrokerRuntime = _runtime(self.folder, settings, (self._port, self._users_port, self.proxied_port))
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
        "broker.heartbeat.interval.ms": "200",
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


def _runtime(folder: Path, settings: Mapping[str, str], ports: tuple[int, ...]) -> BrokerRuntime:
    if shutil.which("java") and shutil.which("mvn"):
        return _Jvm(folder, settings)
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:  # noqa: S607  # the user's own
        return _Container(folder, settings, ports)
    raise BrokerError(f"a Kafka broker is needed, but none can be started here: {ADVICE}")


class _Jvm:
    """A broker in a Java process of this machine."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._log, self._properties = folder / "broker.log", folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        lines = {name: value.replace("HOST", "127.0.0.1") for name, value in settings.items()} | {
            "log.dirs": str(folder / "data")
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        self._java = ["java", "-Xmx512m", "-Xss512k", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{jars()}/*"]
        command = [*self._java, "kafka.tools.StorageTool", "format", "-t", "dm9sY2FzdC1icm9rZXI", "-c", str(self._properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerError(f"the Kafka broker's data folder could not be formatted: {done.stdout}{done.stderr}")

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [*self._java, "kafka.Kafka", str(self._properties)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)  # Ctrl-C must not reach it

    def stop(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait()

    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-4_000:] if self._log.exists() else ""

    def remove(self) -> None:
        self.stop(kill=True)


class _Container:
    """A broker in a Docker container."""

    def __init__(self, folder: Path, settings: Mapping[str, str], ports: tuple[int, ...]) -> None:
        self._name = folder.name
        self._options = [option for port in ports for option in ("--publish", f"127.0.0.1:{port}:{port}")]
        lines = {name: value.replace("HOST", "0.0.0.0") for name, value in settings.items()} | {"log.dirs": "/tmp/kafka-data"}  # noqa: S104, S108  # inside the container
        for name, value in lines.items():
            self._options += ["--env", f"KAFKA_{name.upper().replace('.', '_')}={value}"]
        self._created = False

    def start(self) -> None:
        if self._created:
            self._docker("start", self._name)
        else:
            self._docker("run", "--detach", "--name", self._name, "--env", "KAFKA_HEAP_OPTS=-Xmx512m", *self._options, IMAGE)
            self._created = True

    def stop(self, *, kill: bool) -> None:
        if not self.has_ended():
            self._docker("kill" if kill else "stop", self._name)

    def has_ended(self) -> bool:
        return self._created and "true" not in self._docker("inspect", "--format", "{{.State.Running}}", self._name)

    def log_tail(self) -> str:
        return self._docker("logs", "--tail", "50", self._name) if self._created else ""

    def remove(self) -> None:
        if self._created:
            self._docker("rm", "--force", "--volumes", self._name)

    def _docker(self, *arguments: str) -> str:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)  # noqa: S607  # the user's own
        if done.returncode:
            raise BrokerError(f"docker {arguments[0]} failed: {done.stderr}")
        return done.stdout + done.stderr


def jars() -> Path:
    """Return the folder of Kafka's jars, which Maven fetches once for each version of the pom. Parallel calls are safe."""
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = JARS / version
    if folder.is_dir():
        return folder
    fresh = folder.with_name(f"{version}-{uuid.uuid4().hex}")
    JARS.mkdir(parents=True, exist_ok=True)
    fetch = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
    java = {"MAVEN_OPTS": f"{os.environ.get('MAVEN_OPTS', '')} -Duser.home={Path.home()}"}  # Java alone would not ask for $HOME
    done = subprocess.run(fetch, capture_output=True, text=True, check=False, env={**os.environ, **java})
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise BrokerError(f"Maven could not fetch the Kafka broker: {done.stdout[-2_000:]}{done.stderr[-2_000:]}")
    with suppress(OSError):  # another process was faster
        fresh.rename(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    return folder
