"""deploy/scripts with a small docker of the test's own: what they do, what they remember, and that --dry-run changes nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "deploy/scripts").glob("*.sh"))
FAKE = Path(__file__).parent / "fake_docker.py"
IMAGES = {"volcast:one": "0ne" * 8, "volcast:two": "7w0" * 8, "volcast:broken": "b20ce4" * 4, "volcast:0.1.0": "de7a" * 6}
ONE, TWO = "volcast:0ne0ne0ne0ne", "volcast:7w07w07w07w0"
ROLLED = ["consume-1", "consume-2", "serve", "produce"]
INFRASTRUCTURE = ["kafka", "prometheus", "alertmanager"]


class Machine:
    """A folder with the files of a deployment, and a docker."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state_file = folder, folder / "docker.json"
        shutil.copytree(ROOT / "deploy/scripts", folder / "deploy/scripts")
        for name in ("docker-compose.yml", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        (folder / "bin").mkdir()
        (folder / "bin/docker").write_text(f"#!{sys.executable} -IS\n{FAKE.read_text()}")
        (folder / "bin/docker").chmod(0o755)
        self.state_file.write_text(json.dumps({"images": IMAGES, "containers": {}, "calls": []}))

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        changed = {"PATH": f"{self.folder / 'bin'}:{inherited['PATH']}", "FAKE_DOCKER": str(self.state_file)}
        limits = {"LIMIT_S": "1", "BACK_LIMIT_S": "1"}
        command = [str(self.folder / "deploy/scripts" / script), *arguments]
        return subprocess.run(command, env=inherited | changed | limits, capture_output=True, text=True, check=False)

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.state_file.read_text())
        return found

    @property
    def remembered(self) -> dict[str, str]:
        file = self.folder / ".env"
        return dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}

    def images(self) -> set[str]:
        """Return the ids of the images that the services run."""
        return {self.state["containers"][service] for service in ROLLED}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_each_script_is_valid_shell_and_explains_itself(script: Path) -> None:
    subprocess.run(["/bin/bash", "-n", script], check=True)
    assert (script.stat().st_mode & 0o111 != 0) == (script.name != "lib.sh")
    text = script.read_text()
    assert script.name == "lib.sh" or re.search(rf"^#   deploy/scripts/{re.escape(script.name)}", text, re.MULTILINE)


def test_make_has_a_target_for_each_script() -> None:
    called = set(re.findall(r"^\tdeploy/scripts/([a-z-]+\.sh)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert called == {script.name for script in SCRIPTS} - {"lib.sh"}


def test_a_first_deployment_starts_everything(machine: Machine) -> None:
    done = machine.run("deploy.sh", "volcast:one")
    assert done.returncode == 0, done.stderr
    assert machine.state["calls"] == INFRASTRUCTURE + ROLLED
    assert machine.images() == {IMAGES["volcast:one"]}
    assert machine.remembered == {"IMAGE": ONE}


def test_without_a_name_the_version_of_the_project_is_deployed(machine: Machine) -> None:
    assert machine.run("deploy.sh").returncode == 0
    assert machine.images() == {IMAGES["volcast:0.1.0"]}


def test_another_image_replaces_the_first_and_can_be_rolled_back(machine: Machine) -> None:
    (machine.folder / ".env").write_text("SPEED=max\nIMAGE=old\n")
    machine.run("deploy.sh", "volcast:one")
    assert machine.run("deploy.sh", "volcast:two").returncode == 0
    assert machine.images() == {IMAGES["volcast:two"]}
    assert machine.remembered == {"SPEED": "max", "IMAGE": TWO, "PREVIOUS_IMAGE": ONE}
    assert machine.run("rollback.sh").returncode == 0
    assert machine.images() == {IMAGES["volcast:one"]}
    assert machine.remembered == {"SPEED": "max", "IMAGE": ONE, "PREVIOUS_IMAGE": TWO}


def test_a_broken_image_is_noticed_at_its_first_service_and_rolled_back(machine: Machine) -> None:
    machine.run("deploy.sh", "volcast:one")
    done = machine.run("deploy.sh", "volcast:broken")
    assert done.returncode == 1
    assert "still not: consume-1 is healthy" in done.stderr
    assert done.stderr.endswith(f"volcast:broken was not deployed; {ONE} runs\n")
    assert machine.images() == {IMAGES["volcast:one"]}
    assert machine.state["calls"][-2:] == ["consume-1", "consume-1"]  # no other service was touched
    assert machine.remembered == {"IMAGE": ONE}


def test_a_broken_first_image_has_nothing_to_return_to(machine: Machine) -> None:
    done = machine.run("deploy.sh", "volcast:broken")
    assert done.returncode == 3
    assert "there is no image from before" in done.stderr
    assert machine.remembered == {}


def test_an_image_that_does_not_exist_changes_nothing(machine: Machine) -> None:
    done = machine.run("deploy.sh", "volcast:none")
    assert done.returncode == 2
    assert "there is no image volcast:none" in done.stderr
    assert machine.state["calls"] == []


def test_there_is_nothing_to_roll_back_before_the_second_deployment(machine: Machine) -> None:
    machine.run("deploy.sh", "volcast:one")
    done = machine.run("rollback.sh")
    assert done.returncode == 2
    assert "no PREVIOUS_IMAGE" in done.stderr


def test_a_dry_run_prints_and_changes_nothing(machine: Machine) -> None:
    machine.run("deploy.sh", "volcast:two")
    machine.run("deploy.sh", "volcast:one")
    before = machine.state, machine.remembered
    for script, *image in (("deploy.sh", "volcast:two"), ("rollback.sh",), ("monitoring.sh",)):
        done = machine.run(script, "--dry-run", *image)
        assert done.returncode == 0, (script, done.stderr)
        assert "+ docker compose -p volcast" in done.stdout, script
        assert (machine.state, machine.remembered) == before, script


def test_the_health_check_names_what_is_not_healthy(machine: Machine) -> None:
    assert machine.run("health-check.sh").returncode == 1  # nothing runs
    machine.run("deploy.sh", "volcast:one")
    done = machine.run("health-check.sh")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(INFRASTRUCTURE + ROLLED)
    state = machine.state
    state["containers"]["consume-2"] = IMAGES["volcast:broken"]
    machine.state_file.write_text(json.dumps(state))
    done = machine.run("health-check.sh")
    assert done.returncode == 1
    assert re.search(r"^consume-2 +NOT HEALTHY", done.stdout, re.MULTILINE)
