"""The Dockerfile, docker-compose.yml and prometheus.yml agree with each other and with the program; no container is started."""

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import yaml

from volcast.batch.config import JobConfig, read_config
from volcast.cli.main import main
from volcast.commands.doctor.health import role_of
from volcast.settings.schema import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

PROFILES = {"produce-live": ["live"], "produce-simulated": ["simulated"], "exchange": ["simulated"]}
"""Services that only a profile starts."""
COMMANDS = {
    "produce": "produce",
    "produce-live": "produce",
    "produce-simulated": "produce",
    "exchange": "simulate-exchange",
    "consume-1": "consume",
    "consume-2": "consume",
    "serve": "serve",
}
OURS = tuple(COMMANDS)
ON_THE_BUS = tuple(service for service in OURS if service != "exchange")
MONITORED = ("consume-1", "consume-2", "produce-live", "produce-simulated")
"""Services with metrics on a port of their own."""
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104  # compared, not bound
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z]+)*(@sha256:[0-9a-f]{64})?")


def words(service: str) -> list[str]:
    """Return the words of the service's command after `volcast`, with the default of each variable."""
    definition = SERVICES[service]
    if "entrypoint" not in definition:
        return shlex.split(definition["command"])
    shell, flag, line = definition["entrypoint"]
    assert (shell, flag) == ("sh", "-c")
    line = re.sub(r"\$\$([A-Z_]+)", lambda found: default_of(definition["environment"][found[1]]), line)
    return shlex.split(line.removeprefix("exec volcast "))


def default_of(value: str) -> str:
    """Return `60` of `${SPEED:-60}`."""
    return re.sub(r"^\$\{[A-Z_]+:-([^}]*)\}$", r"\1", value)


def setting(service: str, name: str) -> str | None:
    """Return the value of a setting in the environment of the service."""
    found: str | None = SERVICES[service].get("environment", {}).get(PREFIX + name)
    return found


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
    assert PINNED.fullmatch(default_of(SERVICES[service]["image"]))


def test_all_volcast_services_use_one_image_labelled_with_the_version() -> None:
    version = PROJECT["project"]["version"]
    assert {SERVICES[service]["image"] for service in OURS} == {f"${{IMAGE:-volcast:{version}}}"}
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
    check = SERVICES[service]["healthcheck"]
    assert (check == {"disable": True}) == (service == "produce")
    if service != "produce":
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("service", SERVICES)
def test_all_services_have_limits_and_bounded_logs(service: str) -> None:
    limits = SERVICES[service]["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert float(limits["cpus"]) <= 1  # Docker refuses more than the machine has
    assert set(SERVICES[service]["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_waits_for_another(service: str) -> None:
    assert "depends_on" not in SERVICES[service]


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
    bus = urlsplit(setting(service, "BUS") or "")
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
    assert {name for name in SERVICES[service].get("environment", {}) if name.startswith(PREFIX)} <= known
    assert SERVICES[service]["env_file"] == [{"path": ".env", "required": False}]


def test_the_bundled_sample_is_replayed_at_an_hour_per_minute() -> None:
    assert words("produce") == ["produce", "replay", "--speed", "60"]


def test_two_consumers_have_names_of_their_own() -> None:
    assert [setting(service, "INSTANCE_ID") for service in ("consume-1", "consume-2")] == ["consume-1", "consume-2"]


def test_the_profiles() -> None:
    assert {name: SERVICES[name]["profiles"] for name in SERVICES if "profiles" in SERVICES[name]} == PROFILES


def test_the_live_producer_streams_from_a_real_venue() -> None:
    assert words("produce-live") == ["produce", "live", "binance", "BTCUSDT", "ETHUSDT"]


def test_the_other_live_producer_streams_from_the_simulated_exchange() -> None:
    produced, simulated = words("produce-simulated"), words("exchange")
    venue, *pairs = produced[2 : produced.index("--socket-url")]
    assert after("--simulated", "produce-simulated") == "yes"
    assert simulated[1 : simulated.index("--host")] == [venue, *pairs]
    assert after("--host", "exchange") == ALL_ADDRESSES
    endpoint = f"exchange:{after('--port', 'exchange')}/{venue}"
    assert after("--socket-url", "produce-simulated") == f"ws://{endpoint}"
    assert after("--rest-url", "produce-simulated") == f"http://{endpoint}"
    assert f"('127.0.0.1', {after('--port', 'exchange')})" in SERVICES["exchange"]["healthcheck"]["test"][-1]


def test_prometheus_asks_each_service_where_it_serves_its_metrics() -> None:
    api = setting("serve", "PORT")
    assert {setting(service, "HOST") for service in (*MONITORED, "serve")} == {ALL_ADDRESSES}
    jobs = {job["job_name"]: job.get("static_configs") for job in PROMETHEUS["scrape_configs"]}
    assert jobs["volcast-serve"][0]["targets"] == [f"serve:{api}"]
    asked = [target for name, each in jobs.items() if each and name.startswith("volcast-") for target in each[0]["targets"]]
    assert asked[1:] == [f"{service}:{setting(service, 'METRICS_PORT')}" for service in MONITORED]
    assert SERVICES["serve"]["ports"][0].endswith(f":{api}")
    assert f"EXPOSE {api}\n" in DOCKERFILE


@pytest.mark.parametrize("service", [*MONITORED, "serve"])
def test_the_health_check_asks_where_the_service_answers(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, value)
    role = role_of(["/opt/venv/bin/python", "/opt/venv/bin/volcast", *words(service)])
    port = setting(service, "PORT" if service == "serve" else "METRICS_PORT")
    assert role
    assert role.urls == (f"http://127.0.0.1:{port}/health",)
    assert SERVICES[service]["healthcheck"]["test"] == ["CMD", "volcast", "health"]
    assert 'CMD ["volcast", "health"]\n' in stage("runtime")


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


@pytest.mark.parametrize("extra", ["report", "tracing"])
def test_the_image_has_the_extras_that_settings_and_options_ask_for(extra: str) -> None:
    wanted = {re.split(r"[<>=!]", line)[0] for line in PROJECT["project"]["optional-dependencies"][extra]}
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert wanted <= set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))


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
    assert included == packages | {
        "pyproject.toml",
        "setup.py",
        "requirements.txt",
        "requirements-build.txt",
        "requirements-lifecycle.txt",
        PROJECT["project"]["readme"],
        "LICENSE",
    }


def test_only_the_builder_has_a_compiler() -> None:
    assert "gcc libc6-dev" in stage("builder")
    assert "apt-get" not in stage("runtime") + stage("batch")
    locks = [(ROOT / name).read_text(encoding="utf-8") for name in ("requirements-build.txt", "requirements-dev.txt")]
    built, checked = [re.findall(r"^mypy==(\S+)", lock, re.MULTILINE) for lock in locks]
    assert len(built) == 1
    assert built == checked  # what compiles the core is what checks its types
