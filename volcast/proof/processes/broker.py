"""A real Kafka broker for tests and proofs: one given by KAFKA_BOOTSTRAP, or one of our own, started here.

Our own runs on Java with jars that Maven fetched (kafka/pom.xml), or else as a container. It can be stopped, killed and
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
USER, PASSWORD = "tester", "not-a-secret"  # of a broker that lives for a test
_ANSWERS_WITHIN_S = 60.0
_LOOK_AGAIN_S = 0.05
_METADATA_V0 = struct.pack(">hhih", 3, 0, 1, -1) + struct.pack(">i", 0)
"""A request for the metadata of all topics, without a client's name."""
_ANSWER_BYTES = 12
"""Of the answer as many as tell its length, our number, and how many brokers there are."""


class BrokerError(Exception):
    """A sentence: what is missing, or what the broker said before it ended."""


class Machine(Protocol):
    """What a broker runs on."""

    def start(self) -> None:
        """Begin; returns before the broker answers."""

    def stop(self, *, kill: bool) -> None:
        """End it, politely or as a power cut would; its data stays."""

    def ended(self) -> bool:
        """It isn't running."""

    def said(self) -> str:
        """The last lines of its log."""

    def remove(self) -> None:
        """Nothing of it is left afterwards."""


class Broker:
    """A broker of our own: `bootstrap` and, where users must sign in (USER, PASSWORD; PLAIN), `bootstrap_for_users`.

    Whoever begins at `bootstrap_by_proxy` is sent to that port for all that follows; a proxy is to listen there, and to pass on
    what it gets to `proxied_port`.
    """

    def __init__(self, parent: Path | None = None, more: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="volcast-kafka-", dir=parent))
        self._port, self._users_port, controller_port, self.proxied_port, self.proxy_port = free_ports(5)
        self.bootstrap = f"127.0.0.1:{self._port}"
        self.bootstrap_for_users = f"127.0.0.1:{self._users_port}"
        self.bootstrap_by_proxy = f"127.0.0.1:{self.proxy_port}"
        settings = properties(self._port, self._users_port, controller_port, self.proxied_port, self.proxy_port)
        settings |= more or {}
        try:
            self._machine: Machine = _machine(self.folder, settings, (self._port, self._users_port, self.proxied_port))
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def start(self, *, wait: bool = True) -> Self:
        """Raises BrokerError, with what it said, where it ends or doesn't answer."""
        self._machine.start()
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Return when it answers."""
        until = time.monotonic() + _ANSWERS_WITHIN_S
        while not answers(self._port):
            if self._machine.ended() or time.monotonic() > until:
                raise BrokerError(f"the Kafka broker at {self.bootstrap} does not answer; it said:\n{self._machine.said()}")
            time.sleep(_LOOK_AGAIN_S)

    def stop(self, *, kill: bool = False) -> None:
        """`start` brings it back with all that it had taken."""
        self._machine.stop(kill=kill)

    def close(self) -> None:
        """End it, and forget its data."""
        self._machine.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def broker(parent: Path | None = None, more: Mapping[str, str] | None = None) -> Iterator[Broker]:
    """A running one of our own, its files below `parent`, with `more` properties.

    Raises BrokerError where none can be had; it says what to install.
    """
    made = Broker(parent, more)
    try:
        yield made.start()
    finally:
        made.close()


@contextmanager
def bootstrap(parent: Path | None = None) -> Iterator[str]:
    """The address of a broker: the one of KAFKA_BOOTSTRAP, or one of our own for as long as the `with` lasts."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with broker(parent) as made:
        yield made.bootstrap


def properties(port: int, users_port: int, controller_port: int, proxied_port: int, proxy_port: int) -> dict[str, str]:
    """One node, small and quick. Where it keeps its data, and the address it listens on, is its machine's business."""
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
        "broker.session.timeout.ms": "1000",  # a killed one is let in again no sooner
        "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
        "log.cleaner.backoff.ms": "500",
    }


def answers(port: int) -> bool:
    """The broker at this port names itself."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(struct.pack(">i", len(_METADATA_V0)) + _METADATA_V0)
            answer = connection.recv(_ANSWER_BYTES)
    except OSError:
        return False
    return len(answer) == _ANSWER_BYTES and struct.unpack(">iii", answer)[2] > 0


def free_ports(count: int) -> list[int]:
    """Nobody listens there now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _machine(folder: Path, settings: Mapping[str, str], ports: tuple[int, ...]) -> Machine:
    if shutil.which("java") and shutil.which("mvn"):
        return _Jvm(folder, settings)
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:  # noqa: S607  # the user's own
        return _Container(folder, settings, ports)
    raise BrokerError(f"a Kafka broker is needed, and there is no way to one here: {ADVICE}")


class _Jvm:
    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._log, self._properties = folder / "broker.log", folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        lines = {name: value.replace("HOST", "127.0.0.1") for name, value in settings.items()} | {
            "log.dirs": str(folder / "data")
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        self._java = ["java", "-Xmx512m", "-Xss512k", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{jars()}/*"]
        format_it = [*self._java, "kafka.tools.StorageTool", "format", "-t", "dm9sY2FzdC1icm9rZXI", "-c", str(self._properties)]
        done = subprocess.run(format_it, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerError(f"a folder for the Kafka broker could not be prepared: {done.stdout}{done.stderr}")

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [*self._java, "kafka.Kafka", str(self._properties)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)  # a Ctrl-C is not for it

    def stop(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait()

    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-4_000:] if self._log.exists() else ""

    def remove(self) -> None:
        self.stop(kill=True)


class _Container:
    def __init__(self, folder: Path, settings: Mapping[str, str], ports: tuple[int, ...]) -> None:
        self._name = folder.name
        self._options = [option for port in ports for option in ("--publish", f"127.0.0.1:{port}:{port}")]
        lines = {name: value.replace("HOST", "0.0.0.0") for name, value in settings.items()} | {"log.dirs": "/tmp/kafka-data"}  # noqa: S104, S108  # inside
        for name, value in lines.items():
            self._options += ["--env", f"KAFKA_{name.upper().replace('.', '_')}={value}"]
        self._there = False

    def start(self) -> None:
        if self._there:
            self._docker("start", self._name)
        else:
            self._docker("run", "--detach", "--name", self._name, "--env", "KAFKA_HEAP_OPTS=-Xmx512m", *self._options, IMAGE)
            self._there = True

    def stop(self, *, kill: bool) -> None:
        if not self.ended():
            self._docker("kill" if kill else "stop", self._name)

    def ended(self) -> bool:
        return self._there and "true" not in self._docker("inspect", "--format", "{{.State.Running}}", self._name)

    def said(self) -> str:
        return self._docker("logs", "--tail", "50", self._name) if self._there else ""

    def remove(self) -> None:
        if self._there:
            self._docker("rm", "--force", "--volumes", self._name)

    def _docker(self, *arguments: str) -> str:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)  # noqa: S607  # the user's own
        if done.returncode:
            raise BrokerError(f"docker {arguments[0]} failed: {done.stderr}")
        return done.stdout + done.stderr


def jars() -> Path:
    """The folder of Kafka's jars; fetched by Maven once for each pom. Two runs at a time don't disturb each other."""
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = JARS / version
    if folder.is_dir():
        return folder
    fresh = folder.with_name(f"{version}-{uuid.uuid4().hex}")
    JARS.mkdir(parents=True, exist_ok=True)
    fetch = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise BrokerError(f"Maven could not fetch the Kafka broker: {done.stdout[-2_000:]}{done.stderr[-2_000:]}")
    with suppress(OSError):  # another run was quicker
        fresh.rename(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    return folder
