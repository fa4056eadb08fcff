"""The Dockerfile, docker-compose.yml and prometheus.yml agree with each other and with the program; no container is started."""

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import yaml

from volcast.batch.config import JobConfig, read_config
from volcast.cli.main import main
from volcast.settings.schema import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

LIVE = ("produce-live", "exchange")
"""Services that only the profile `live` starts."""
COMMANDS = {
    "produce": "produce",
    "produce-live": "produce",
    "exchange": "simulate-exchange",
    "consume": "consume",
    "serve": "serve",
}
OURS = tuple(COMMANDS)
ON_THE_BUS = ("produce", "produce-live", "consume", "serve")
METRICS_PORTS = {service: SERVICES[service]["environment"]["VOLCAST_METRICS_PORT"] for service in ("consume", "produce-live")}
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104  # compared, not bound
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z]+)*")


def words(service: str) -> list[str]:
    """Return the words of the service's command, with the default of each variable `${NAME:-default}`."""
    return shlex.split(re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", SERVICES[service]["command"]))


def after(option: str, service: str) -> str:
    given = words(service)
    return given[given.index(option) + 1]


def command_of(given: list[str]) -> tuple[click.Command, list[str]]:
    """Return the click command that these words name, and the words that follow its name."""
    command: click.Command = main
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), given[0])
        assert found, f"no command {given[0]}"
        command, given = found, given[1:]
    return command, given


def test_the_services() -> None:
    assert set(SERVICES) == {"kafka", *OURS, "prometheus", "alertmanager", "grafana"}


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned_to_a_release(service: str) -> None:
    assert PINNED.fullmatch(SERVICES[service]["image"])


def test_all_volcast_services_use_one_image_labelled_with_the_version() -> None:
    version = PROJECT["project"]["version"]
    assert {SERVICES[service]["image"] for service in OURS} == {f"volcast:{version}"}
    assert [service for service in SERVICES if "build" in SERVICES[service]] == ["produce"]
    assert f'org.opencontainers.image.version="{version}"' in DOCKERFILE
    assert f'org.opencontainers.image.licenses="{PROJECT["project"]["license"]}"' in DOCKERFILE
    assert PROJECT["project"]["description"] in DOCKERFILE


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_has_privileges_that_it_does_not_need(service: str) -> None:
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert SERVICES[service]["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in SERVICES[service]
    if service != "kafka":  # it writes its own configuration when it starts
        assert SERVICES[service]["read_only"] is True
        assert SERVICES[service]["tmpfs"] == ["/tmp"]  # noqa: S108  # a folder in a container


@pytest.mark.parametrize("service", SERVICES)
def test_all_services_restart_except_a_finished_producer(service: str) -> None:
    assert SERVICES[service]["restart"] == ("on-failure:5" if service == "produce" else "unless-stopped")
    assert ("healthcheck" in SERVICES[service]) == (service != "produce")


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_published_on_localhost_only(service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service].get("ports", []))


def test_data_outlives_the_containers() -> None:
    mounts = {mount.partition(":")[0]: mount.split(":")[1] for name in SERVICES for mount in SERVICES[name].get("volumes", [])}
    assert mounts["kafka-data"] == SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"]
    assert f"--storage.tsdb.path={mounts['prometheus-data']}" in SERVICES["prometheus"]["command"]
    assert f"--storage.path={mounts['alertmanager-data']}" in SERVICES["alertmanager"]["command"]
    assert mounts["grafana-data"] == "/var/lib/grafana"
    assert set(COMPOSE["volumes"]) == {"kafka-data", "prometheus-data", "alertmanager-data", "grafana-data"}


def test_kafka_is_one_node_without_zookeeper() -> None:
    environment = SERVICES["kafka"]["environment"]
    assert environment["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert not any("ZOOKEEPER" in name for name in environment)
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    copies = [value for name, value in environment.items() if name.endswith(("REPLICATION_FACTOR", "MIN_ISR"))]
    assert copies == ["1", "1", "1"]


@pytest.mark.parametrize("service", ON_THE_BUS)
def test_the_bus_is_the_advertised_listener_of_kafka(service: str) -> None:
    bus = urlsplit(after("--bus", service))
    assert bus.scheme == "kafka"
    assert SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{bus.netloc}"


@pytest.mark.parametrize("service", OURS)
def test_commands_can_be_parsed(service: str) -> None:
    command, rest = command_of(words(service))
    assert words(service)[0] == COMMANDS[service]
    command.make_context(service, rest)


@pytest.mark.parametrize("service", OURS)
def test_environment_variables_are_settings(service: str) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(SERVICES[service].get("environment", {})) <= known


def test_the_bundled_sample_is_replayed_at_an_hour_per_minute() -> None:
    assert words("produce")[:3] == ["produce", "replay", "--bus"]
    assert after("--speed", "produce") == "60"


def test_live_is_the_only_profile() -> None:
    assert [service for service in SERVICES if SERVICES[service].get("profiles") == ["live"]] == list(LIVE)
    assert [service for service in SERVICES if "profiles" in SERVICES[service]] == list(LIVE)


def test_the_live_producer_streams_from_the_simulated_exchange() -> None:
    produced, simulated = words("produce-live"), words("exchange")
    venue, *pairs = produced[2 : produced.index("--bus")]
    assert simulated[1 : simulated.index("--host")] == [venue, *pairs]
    assert after("--host", "exchange") == ALL_ADDRESSES
    endpoint = f"exchange:{after('--port', 'exchange')}/{venue}"
    assert after("--socket-url", "produce-live") == f"ws://{endpoint}"
    assert after("--rest-url", "produce-live") == f"http://{endpoint}"
    assert f"('127.0.0.1', {after('--port', 'exchange')})" in SERVICES["exchange"]["healthcheck"]["test"][-1]


def test_without_its_two_urls_the_live_producer_streams_from_the_real_venue() -> None:
    given = words("produce-live")
    real = given[: given.index("--socket-url")]
    assert given[len(real) :: 2] == ["--socket-url", "--rest-url"]
    live, rest = command_of(real)
    live.make_context("produce-live", rest)


def test_prometheus_and_the_health_checks_use_the_ports_of_the_services() -> None:
    api = int(after("--port", "serve"))
    assert after("--host", "serve") == ALL_ADDRESSES
    assert {SERVICES[service]["environment"]["VOLCAST_HOST"] for service in METRICS_PORTS} == {ALL_ADDRESSES}
    targets = {job["job_name"]: job["static_configs"] for job in PROMETHEUS["scrape_configs"]}
    assert targets["volcast-serve"] == [{"targets": [f"serve:{api}"]}]
    for service, port in METRICS_PORTS.items():
        assert targets[f"volcast-{service}"] == [{"targets": [f"{service}:{port}"]}]
    assert SERVICES["serve"]["ports"][0].endswith(f":{api}")
    assert f"EXPOSE {api}\n" in DOCKERFILE
    for service, port in {"serve": api, **METRICS_PORTS}.items():
        assert f"http://127.0.0.1:{port}/health" in SERVICES[service]["healthcheck"]["test"][-1]


def stage(name: str) -> str:
    """Return the lines of the Dockerfile's stage of this name."""
    found = re.search(rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM )", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def test_all_stages_use_one_pinned_image() -> None:
    default = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert default
    assert PINNED.fullmatch(default[1])
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}", "runtime", "runtime"]


def test_installed_packages_are_pinned() -> None:
    for line in re.findall(r"pip [^&\n]*\binstall\b([^&\n]*)", DOCKERFILE.replace("\\\n", " ")):
        packages = [word for word in line.split() if not word.startswith("-")]
        assert "--require-hashes" in line or "--no-index" in line or all("==" in package for package in packages), line


def test_the_image_runs_as_an_unprivileged_user_with_a_fixed_id() -> None:
    users = re.findall(r"^USER (\d+):(\d+)$", stage("runtime"), re.MULTILINE)
    assert len(users) == 1
    assert "0" not in users[0]
    assert 'ENTRYPOINT ["volcast"]' in stage("runtime")
    assert DOCKERFILE.endswith("\nFROM runtime\n")  # what is built without a target
    assert re.findall(r"^USER (\d+):(\d+)$", stage("batch"), re.MULTILINE)[-1] == users[0]


def test_the_batch_image_runs_the_job_on_files_that_it_has() -> None:
    lines = stage("batch")
    words = json.loads("[" + re.search(r"^CMD \[(.*?)\]", lines, re.MULTILINE | re.DOTALL)[1].replace("\\\n", "") + "]")  # type: ignore[index]
    command, rest = command_of(words)
    given = command.make_context("signal", rest).params
    copied = dict(re.findall(r"^COPY --from=builder /src/(\S+) (\S+)$", lines, re.MULTILINE))
    assert set(copied.values()) == {str(given["data"]), str(given["config"])}
    sources = {copied_to: ROOT / source for source, copied_to in copied.items()}
    assert read_config(sources[str(given["config"])]) == (JobConfig(42, 5, "v1"), [])
    assert sources[str(given["data"])].exists()
    assert {given["output"].parent, given["log"].parent} == {Path("/out")}


def test_the_build_context_has_only_the_packages() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    included = {line.removeprefix("!") for line in lines if line.startswith("!")}
    packages = {name.removesuffix("*") for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert lines[1] == "*"
    assert included == packages | {"pyproject.toml", "requirements.txt", PROJECT["project"]["readme"], "LICENSE"}


def test_the_smoke_test_is_valid_shell() -> None:
    script = ROOT / "deploy/compose-smoke.sh"
    assert script.stat().st_mode & 0o111
    subprocess.run(["/bin/bash", "-n", script], check=True)
