"""Prometheus and Alertmanager as processes on this machine, with the files of this folder, for tests and pictures.

What differs from the containers is said by the arguments: where the targets are, how often they are scraped, and by which factor
waiting times are divided, so that a minute of waiting takes a second.
"""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

MONITORING = Path(__file__).parent
START_TIMEOUT_S = 30.0
PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}
"""By program: Debian's package, whose Alertmanager is called as the package is."""
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def program(name: str) -> str:
    """Return the path of a program of Prometheus or Alertmanager. Raises FileNotFoundError with what to install."""
    found = shutil.which(name) or (shutil.which(PACKAGES[name]) if name == "alertmanager" else None)
    if not found:
        raise FileNotFoundError(f"{name} is not on the PATH: apt-get install --no-install-recommends {PACKAGES[name]}")
    return found


def shorter(duration: str, factor: float) -> str:
    """Return a duration of Prometheus divided by `factor`, in milliseconds, at least one.

    >>> shorter("2m", 60)
    '2000ms'
    """
    parts = re.findall(r"(\d+)(ms|[smhd])", duration)
    return f"{max(1, round(sum(int(count) * UNITS_S[unit] for count, unit in parts) * 1_000 / factor))}ms"


def alert_rules(factor: float = 1.0, without: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    """Return the alert rules with each `for` divided by `factor`, some left out. What they ask for stays as it is."""
    rules: dict[str, Any] = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule["alert"] not in without]
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = shorter(rule["for"], factor)
    return rules


def alert_routes(factor: float, receivers: Mapping[str, str]) -> dict[str, Any]:
    """Return Alertmanager's configuration with waits divided by `factor`, and with webhooks, by the names of receivers."""
    routes: dict[str, Any] = yaml.safe_load((MONITORING / "alertmanager.yml").read_text(encoding="utf-8"))
    for route in (routes["route"], *routes["route"]["routes"]):
        for wait in {"group_wait", "group_interval", "repeat_interval"} & set(route):
            route[wait] = shorter(route[wait], factor)
    for receiver in routes["receivers"]:
        if url := receivers.get(receiver["name"]):
            receiver["webhook_configs"] = [{"url": url, "send_resolved": True}]
    return routes


class Server:
    """A running Prometheus or Alertmanager, asked over HTTP."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self.log = url, log
        self._client = httpx.Client(base_url=url, timeout=20.0, trust_env=False)

    def close(self) -> None:
        """Close the connections to it."""
        self._client.close()

    def get(self, path: str, **parameters: str) -> Any:
        """Return the JSON answer of GET `path`. Raises RuntimeError with the server's own words if it refuses."""
        response = self._client.get(path, params=parameters)
        if response.is_error:
            raise RuntimeError(f"{response.url}: {response.status_code} {response.text}")
        return response.json()

    def query(self, expression: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """Return the series of an instant query: `metric`, the labels, and `value`, the time and the number as text.

        `at_s` is a time in seconds since 1970, by default now.
        """
        at = {} if at_s is None else {"time": f"{at_s:.3f}"}
        series: list[dict[str, Any]] = self.get("/api/v1/query", query=expression, **at)["data"]["result"]
        return series

    def query_range(self, expression: str, start_s: float, end_s: float, step_s: float) -> list[dict[str, Any]]:
        """Return the series of a range query: `metric` and `values`. Times are seconds since 1970."""
        times = {"start": f"{start_s:.3f}", "end": f"{end_s:.3f}", "step": f"{step_s:.3f}"}
        series: list[dict[str, Any]] = self.get("/api/v1/query_range", query=expression, **times)["data"]["result"]
        return series

    def firing(self) -> dict[str, list[dict[str, str]]]:
        """Return the labels of the alerts that fire in Prometheus, by their names."""
        found: dict[str, list[dict[str, str]]] = {}
        for alert in self.get("/api/v1/alerts")["data"]["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert["labels"])
        return found


@contextmanager
def prometheus(
    folder: Path,
    targets: Mapping[str, Sequence[str]],
    *,
    scrape_s: float = 1.0,
    factor: float = 1.0,
    alertmanager_url: str | None = None,
    without: AbstractSet[str] = frozenset(),
) -> Iterator[Server]:
    """Run Prometheus with monitoring/prometheus.yml until the block ends.

    `targets` are host:port by job; a job without targets is left out. `factor` divides the waiting times of the alert rules.
    `without` are the names of rules to leave out.
    """
    config: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text(encoding="utf-8"))
    timeout_s = min(scrape_s, 4.0)
    config["global"] = {
        "scrape_interval": f"{scrape_s * 1000:.0f}ms",
        "scrape_timeout": f"{timeout_s * 1000:.0f}ms",
        "evaluation_interval": f"{scrape_s * 1000:.0f}ms",
    }
    unknown = set(targets) - {each["job_name"] for each in config["scrape_configs"]}
    if unknown:
        raise ValueError(f"monitoring/prometheus.yml has no job {', '.join(sorted(unknown))}")
    config["scrape_configs"] = [each for each in config["scrape_configs"] if targets.get(each["job_name"])]
    for job in config["scrape_configs"]:
        job.pop("file_sd_configs", None)
        job["static_configs"] = [{"targets": list(targets[job["job_name"]])}]
    config.pop("alerting", None)
    if alertmanager_url:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager_url.partition("//")[2]]}]}]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "alerts.yml").write_text(yaml.safe_dump(alert_rules(factor, without)), encoding="utf-8")
    port = _free_port()
    command = [
        *(program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"),
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _running(command, folder, port) as server:
        yield server


@contextmanager
def alertmanager(folder: Path, receivers: Mapping[str, str], *, factor: float = 1.0) -> Iterator[Server]:
    """Run Alertmanager with monitoring/alertmanager.yml until the block ends. `receivers` are URLs of webhooks by receiver."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(alert_routes(factor, receivers)), encoding="utf-8")
    port = _free_port()
    command = [
        *(program("alertmanager"), "--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="),
        *("--log.level=info", f"--web.listen-address=127.0.0.1:{port}"),
    ]
    with _running(command, folder, port) as server:
        yield server


@contextmanager
def _running(command: Sequence[str], folder: Path, port: int) -> Iterator[Server]:
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603  # our own command
        server = Server(f"http://127.0.0.1:{port}", log)
        try:
            _await_ready(server, process)
            yield server
        finally:
            server.close()
            process.terminate()
            process.wait(START_TIMEOUT_S)


def _await_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Return once the server is ready. Raises RuntimeError with its log if it ends or takes too long."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            if httpx.get(f"{server.url}/-/ready", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{server.log.name}: not ready\n{server.log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
