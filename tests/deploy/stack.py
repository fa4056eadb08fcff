"""A running copy of docker-compose.yml with its own project, ports and volumes, and what a test sees and does from outside."""

import csv
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
COPIED = ("docker-compose.yml", "deploy", "monitoring", "pyproject.toml")
SAMPLE = ROOT / "volcast/simulation/sample/BTCUSDT-simulated.csv.gz"
LIMIT_S = 300.0
WINDOW = 5
PROFILES = ("live", "simulated", "nightly")
PORTS = ("API_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "GRAFANA_PORT", "MINIO_PORT", "MINIO_CONSOLE_PORT", "MLFLOW_PORT")


def succeeds(*command: str) -> bool:
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0


class Stack:
    """One project of compose, of docker-compose.yml and of `more` files. Everything that it starts carries the project's name."""

    def __init__(self, folder: Path, project: str, *more: str) -> None:
        self.folder, self.project = folder, project
        self.engine = "docker" if succeeds("docker", "info") else "podman"
        self._compose = ["docker", "compose"] if self.engine == "docker" else ["podman-compose"]
        for file in ("docker-compose.yml", *more) if more else ():
            self._compose += ["--file", file]
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.environment = {
            name: value for name, value in os.environ.items() if name not in {"IMAGE", "LIFECYCLE_IMAGE", "CSV", "SPEED", "DATA"}
        }
        self.environment |= {"COMPOSE_PROJECT_NAME": project, "LIMIT_S": str(int(LIMIT_S)), "BACK_LIMIT_S": str(int(LIMIT_S))}
        self._began_s = time.monotonic()
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        self.write(DATA=str(folder / "data"), **self.ports)

    def say(self, what: str) -> None:
        print(f"{time.monotonic() - self._began_s:4.0f} s: {what}", flush=True)  # noqa: T201  # seen with `make test-stack`

    def write(self, **variables: object) -> None:
        """Set variables in `.env`, as a user does."""
        file = self.folder / ".env"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        kept = [line for line in lines if line.partition("=")[0] not in variables]
        file.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in variables.items()), ""]), encoding="utf-8")

    def variable(self, name: str) -> str | None:
        lines = (self.folder / ".env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if line).get(name)

    def run(self, *command: object, expect: int = 0, **variables: str) -> str:
        """Run a command in the stack's folder; its output. Fails with it if it does not exit with `expect`."""
        words, environment = [str(word) for word in command], self.environment | variables
        done = subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, stdin=-3)
        assert done.returncode == expect, f"{' '.join(words)} exits with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def compose(self, *arguments: object, expect: int = 0) -> str:
        profiles = [word for profile in PROFILES for word in ("--profile", profile)]
        return self.run(*self._compose, "-p", self.project, *profiles, *arguments, expect=expect)

    def script(self, name: str, *arguments: object, expect: int = 0, **variables: str) -> str:
        return self.run(self.folder / "deploy/scripts" / name, *arguments, expect=expect, **variables)

    def exit_code(self, script: str) -> int:
        path = self.folder / "deploy/scripts" / script
        return subprocess.run(path, cwd=self.folder, env=self.environment, capture_output=True, check=False).returncode

    def container(self, service: str) -> str:
        labels = {"project": self.project, "service": service}
        filters = [word for name, value in labels.items() for word in ("--filter", f"label=com.docker.compose.{name}={value}")]
        return self.run(self.engine, "ps", "-aq", *filters).strip()

    def inspect(self, service: str, field: str) -> str:
        return self.run(self.engine, "inspect", "-f", "{{" + field + "}}", self.container(service)).strip()

    def kill(self, service: str) -> None:
        """Kill the service's first process as a crash would: the engine's own command would count as a wish to stop it."""
        pid = int(self.inspect(service, ".State.Pid"))
        try:
            os.kill(pid, signal.SIGKILL)
        except PermissionError:
            self.run("sudo", "-n", "kill", "-KILL", pid)

    def json(self, port: str, path: str) -> Any:
        """Return the JSON of a GET on a published port; None if there is no answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.ports[port]}{path}", timeout=10) as response:
                return json.load(response)
        except HTTPError as error:
            error.close()
        except (URLError, OSError, ValueError):
            pass
        return None

    def answers(self, path: str) -> bool:
        """Return whether the API answers with success."""
        try:
            with urlopen(f"http://127.0.0.1:{self.ports['API_PORT']}{path}", timeout=10):
                return True
        except OSError:
            return False

    def candles(self) -> dict[str, int]:
        """Return how many candles the API's latest signal of each symbol counts."""
        latest = self.json("API_PORT", "/latest") or {}
        return {symbol: signal["candles"] for symbol, signal in latest.items()}

    def until(self, what: str, condition: Callable[[], Any]) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < deadline_s, f"after {LIMIT_S:.0f} s still not: {what}\n{self.logs()}"
            time.sleep(0.5)
        self.say(what)

    def moves(self, symbols: set[str], after: str) -> None:
        """Wait until the API has newer candles of all symbols than now."""
        before = self.candles()
        self.until(
            f"{after}, /latest moves on", lambda: all(self.candles().get(each, 0) > before.get(each, 0) for each in symbols)
        )

    def logs(self) -> str:
        services = ("kafka", "produce", "consume-1", "consume-2", "serve", "s3", "mlflow", "archive")
        ids = {service: self.container(service) for service in services}
        tails = {name: self.run(self.engine, "logs", "--tail", "8", id_) for name, id_ in ids.items() if id_}
        return "\n".join(f"--- {name}\n{tail}" for name, tail in tails.items())

    def signals(self) -> Iterator[dict[str, Any]]:
        """Read all committed signals with Kafka's own reader, in the order of their partitions."""
        reader = ("/opt/kafka/bin/kafka-console-consumer.sh", "--bootstrap-server", "kafka:9092", "--topic", "signals")
        options = ("--from-beginning", "--isolation-level", "read_committed", "--timeout-ms", "15000")
        container = self.container("kafka")
        command = [self.engine, "exec", "--env", "KAFKA_HEAP_OPTS=-Xmx256m", container, *reader, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def down(self) -> None:
        self.compose("down", "--volumes")

    def left(self) -> list[str]:
        """Return the names of containers, volumes and networks of the project that exist."""
        kinds = (["ps", "-a", "--format", "{{.Names}}"], ["volume", "ls", "-q"], ["network", "ls", "--format", "{{.Name}}"])
        names = [name for kind in kinds for name in self.run(self.engine, *kind).split()]
        return [name for name in names if name.startswith(self.project)]


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def write_candles(folder: Path, symbols: list[str], rows: int) -> list[str]:
    """Write the first `rows` candles of the sample for each symbol; the closes, as text."""
    folder.mkdir()
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as file:
        lines = [line for line, _ in zip(file, range(rows + 1), strict=False)]
    for symbol in symbols:
        (folder / f"{symbol}.csv").write_text("".join(lines), encoding="utf-8")
    return [row["close"] for row in csv.DictReader(lines)]


def ones(closes: list[str]) -> int:
    """Count by hand the closes above the mean of the last five."""
    exact = [Decimal(close) for close in closes]
    return sum(exact[at] * WINDOW > sum(exact[at - WINDOW + 1 : at + 1]) for at in range(WINDOW - 1, len(exact)))
