"""deploy/compose/lifecycle.yml agrees with docker-compose.yml, with the program and with what the tests of the long loop run."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from volcast.cli.main import main
from volcast.commands.doctor.health import role_of
from volcast.lifecycle.archive.bucket import s3_access
from volcast.settings.schema import PREFIX, Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy/compose/lifecycle.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
PROMETHEUS = SERVICES.pop("prometheus")
"""Of docker-compose.yml: this file adds to it."""
BASE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = ("archive", "nightly", "audit")
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?")


def default_of(value: str) -> str:
    """Return `60` of `${SPEED:-60}`, also within a text."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)


def environment(service: str) -> dict[str, str]:
    return {name: default_of(value) for name, value in SERVICES[service]["environment"].items()}


def words(service: str) -> list[str]:
    """Return the words of the service's command after `volcast`, as the shell makes them."""
    shell, flag, line, *name = SERVICES[service]["entrypoint"]
    assert (shell, flag) == ("sh", "-c")
    assert line.endswith(' "$$@"') == bool(name)  # what is given to `run` behind the service's name
    line = line.removeprefix("exec volcast ").removesuffix(' "$$@"')
    return shlex.split(line.replace("$$ARCHIVE", environment(service)["ARCHIVE"]))


def test_services_and_volumes_have_names_of_their_own() -> None:
    assert set(SERVICES) == {"s3", "mlflow", *OURS}
    assert not set(SERVICES) & set(BASE["services"])
    assert not set(yaml.safe_load(TEXT)["volumes"]) & set(BASE["volumes"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_pinned_limited_and_without_privileges(service: str) -> None:
    definition = SERVICES[service]
    assert PINNED.fullmatch(default_of(definition["image"]))
    assert set(definition["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert definition["security_opt"] == ["no-new-privileges:true"]
    assert "depends_on" not in definition
    assert all(port.startswith("127.0.0.1:") for port in definition.get("ports", []))
    assert set(definition["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("service", OURS)
def test_a_service_of_ours_has_a_command_that_can_be_parsed(service: str) -> None:
    command: click.Command = main
    given = words(service)
    while isinstance(command, click.Group) and (found := command.get_command(click.Context(command), given[0])):
        command, given = found, given[1:]
    assert not isinstance(command, click.Group)
    command.make_context(service, given)
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert {name for name in environment(service) if name.startswith(PREFIX)} <= known
    assert SERVICES[service]["read_only"] is True
    assert environment(service)["VOLCAST_BUS"] == BASE["services"]["serve"]["environment"]["VOLCAST_BUS"]


def test_the_image_has_the_extra() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (name,) = {SERVICES[service]["build"]["args"]["REQUIREMENTS"] for service in OURS}
    assert (ROOT / name).is_file()
    assert f"COPY requirements.txt {name} ./\nARG REQUIREMENTS=requirements.txt\n" in dockerfile
    assert "-r ${REQUIREMENTS} " in dockerfile


def test_the_archiver_is_asked_where_it_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment("archive").items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    role = role_of(["/opt/venv/bin/python", "/opt/venv/bin/volcast", *words("archive")])
    assert role
    assert role.urls == ("http://127.0.0.1:9100/health",)
    assert SERVICES["archive"]["healthcheck"]["test"] == ["CMD", "volcast", "health"]


def test_prometheus_asks_the_archiver_where_it_serves_its_metrics() -> None:
    assert set(PROMETHEUS) == {"volumes"}
    ((source, mounted, mode),) = [each.split(":") for each in PROMETHEUS["volumes"]]
    of_job = {
        each["job_name"]: each for each in yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())["scrape_configs"]
    }
    (pattern,) = of_job["volcast-archive"]["file_sd_configs"][0]["files"]
    configuration = Path(BASE["services"]["prometheus"]["volumes"][0].split(":")[1])
    assert (configuration.parent / pattern).parent == Path(mounted)
    assert mode == "ro"
    targets = [each["targets"] for file in (ROOT / source).glob("*.yml") for each in yaml.safe_load(file.read_text())]
    assert targets == [[f"archive:{environment('archive')['VOLCAST_METRICS_PORT']}"]]


def test_the_s3_server_has_minio_s_ports_and_its_keys() -> None:
    ports = [default_of(port).split(":")[1:] for port in SERVICES["s3"]["ports"]]
    assert ports == [["9000", "9000"], ["9001", "9001"]]
    command = SERVICES["s3"]["command"]
    assert {"-s3.port=9000", "-filer.port=9001", "-master.telemetry=false"} <= set(command)
    access = s3_access(environment("archive"))
    keys = environment("s3")
    assert (access.endpoint, access.key, access.secret) == (
        "http://s3:9000",
        keys["AWS_ACCESS_KEY_ID"],
        keys["AWS_SECRET_ACCESS_KEY"],
    )


def test_servers_have_the_versions_that_the_tests_run() -> None:
    script = (ROOT / "deploy/lifecycle-tools.sh").read_text(encoding="utf-8")
    assert SERVICES["s3"]["image"].partition(":")[2] in re.findall(r"^version=(\S+) ", script, re.MULTILINE)
    lock = (ROOT / "deploy/lifecycle/requirements-mlflow.txt").read_text(encoding="utf-8")
    assert re.findall(r"^mlflow==(\S+)", lock, re.MULTILINE) == [SERVICES["mlflow"]["image"].partition(":v")[2]]
