"""What a Kafka broker of our own runs on: Java, with jars fetched by Maven (kafka/pom.xml), or else a Docker container."""

import hashlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import platformdirs

IMAGE = "apache/kafka:4.1.0"
POM = Path(__file__).parent.parent / "kafka" / "pom.xml"
JARS = platformdirs.user_cache_path("volcast") / "kafka"
_STOP_TIMEOUT_S = 60.0
ADVICE = "install Java 17 and Maven, or start Docker, or set KAFKA_BOOTSTRAP=host:port to a Kafka broker (4.0 or newer)"


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


def runtime(folder: Path, settings: Mapping[str, str], ports: tuple[int, ...]) -> BrokerRuntime:
    """Return what can run a broker here. Raises BrokerError if nothing can; the message says what to install."""
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
        data = folder / "data"
        lines = {name: value.replace("HOST", "127.0.0.1") for name, value in settings.items()} | {"log.dirs": str(data)}
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        self._made: Path | None = None
        kept = jars().with_name(f"{jars().name}-formatted")
        if not kept.is_dir():
            self._format(data, kept)
        shutil.copytree(kept, data, dirs_exist_ok=True)

    def _format(self, data: Path, kept: Path) -> None:
        """Format the data folder, and keep a copy for all later brokers: Java takes half a second for it.

        Only the ids of node and cluster are in it, which all brokers have in common.
        """
        command = self._java("kafka.tools.StorageTool", "format", "-t", "dm9sY2FzdC1icm9rZXI", "-c", str(self._properties))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerError(f"the Kafka broker's data folder could not be formatted: {done.stdout}{done.stderr}")
        fresh = kept.with_name(f"{kept.name}-{uuid.uuid4().hex}")
        shutil.copytree(data, fresh)
        with suppress(OSError):  # another process was faster
            fresh.rename(kept)
        shutil.rmtree(fresh, ignore_errors=True)

    def _java(self, *arguments: str) -> list[str]:
        options = ["-Xmx512m", "-Xss512k", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-XX:SharedArchiveFile={_archive()}"]
        return ["java", *options, "-cp", f"{jars()}/*", *arguments]

    def start(self) -> None:
        command = self._java("kafka.Kafka", str(self._properties))
        if not _archive().exists():
            self._made = _archive().with_name(f"{uuid.uuid4().hex}.jsa")
            command[command.index(f"-XX:SharedArchiveFile={_archive()}")] = f"-XX:ArchiveClassesAtExit={self._made}"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)  # Ctrl-C must not reach it

    def stop(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if not kill:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)
        self._process.kill()
        self._process.wait()
        if self._made and self._made.exists():
            self._made.replace(_archive())  # another process may have made the same
        self._made = None

    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-4_000:] if self._log.exists() else ""

    def remove(self) -> None:
        self.stop(kill=self._made is None)  # a killed one leaves no archive


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


def _archive() -> Path:
    """Return where the classes are that a broker needs, loaded and verified, which spares half of its start.

    The first broker of this Java and these jars makes the file when it ends. Java goes on without one that does not fit.
    """
    java = Path(shutil.which("java") or "java").resolve()
    version = hashlib.sha256(f"{java} {java.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    return jars().with_name(f"{jars().name}-{version}.jsa")


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
