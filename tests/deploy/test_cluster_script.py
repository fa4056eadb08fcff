"""deploy/scripts/cluster.sh with a small helm of the test's own, and whether the real ones know its options."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.deploy.kubernetes.tools import HELMS, program
from tests.deploy.workflow_tools import ROOT, run

FAKE = Path(__file__).parent / "fake_helm.py"
IMAGE = "ghcr.io/somebody/volcast"
ONE, TWO, BROKEN = f"{IMAGE}@sha256:1", f"{IMAGE}:two@sha256:2", f"{IMAGE}:broken"


class Cluster:
    """A folder with the script and a helm."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state_file = folder, folder / "helm.json"
        shutil.copytree(ROOT / "deploy/scripts", folder / "deploy/scripts")
        shutil.copytree(ROOT / "deploy/helm/environments", folder / "deploy/helm/environments")
        (folder / "bin").mkdir()
        (folder / "bin/helm").write_text(f"#!{sys.executable} -IS\n{FAKE.read_text()}")
        (folder / "bin/helm").chmod(0o755)
        self.write([])

    def write(self, revisions: list[dict[str, str]]) -> None:
        self.state_file.write_text(json.dumps({"revisions": revisions, "calls": []}))

    def run(self, *arguments: str, expect: int = 0, **variables: str) -> str:
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "FAKE_HELM": str(self.state_file), **variables}
        done = run(self.folder / "deploy/scripts/cluster.sh", *arguments, env=environment)
        assert done.returncode == expect, done.stderr
        return done.stdout + done.stderr

    @property
    def calls(self) -> list[str]:
        found: list[str] = json.loads(self.state_file.read_text())["calls"]
        return found

    @property
    def running(self) -> str:
        """Return the image of the newest revision."""
        image: str = json.loads(self.state_file.read_text())["revisions"][-1]["image"]
        return image


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_an_image_is_deployed_and_tested(cluster: Cluster) -> None:
    assert "is deployed to staging" in cluster.run("deploy", "staging", TWO)
    assert cluster.running == f"image.repository={IMAGE},image.tag=two,image.digest=sha256:2"
    assert cluster.calls == ["history", "upgrade", "test"]


def test_a_registry_with_a_port_is_no_tag(cluster: Cluster) -> None:
    cluster.run("deploy", "dev", "localhost:5000/volcast")
    assert cluster.running == "image.repository=localhost:5000/volcast,image.tag=,image.digest="


@pytest.mark.parametrize("fault", ["upgrade", "test"])
def test_what_does_not_become_ready_or_fails_its_test_is_rolled_back(cluster: Cluster, fault: str) -> None:
    cluster.run("deploy", "staging", ONE)
    before = cluster.running
    told = cluster.run("deploy", "staging", BROKEN, expect=1, FAKE_HELM_FAULT=fault)
    assert told.endswith(f"{BROKEN} was not deployed; revision 1 runs\n")
    assert cluster.running == before
    assert cluster.calls[-2:] == ["rollback", "test"]


def test_it_returns_to_what_was_deployed_and_not_to_what_had_failed(cluster: Cluster) -> None:
    cluster.run("deploy", "staging", ONE)
    for _ in range(2):
        cluster.run("deploy", "staging", BROKEN, expect=1, FAKE_HELM_FAULT="upgrade")
        assert cluster.running == f"image.repository={IMAGE},image.tag=,image.digest=sha256:1"


def test_a_first_image_that_is_broken_has_nothing_to_return_to(cluster: Cluster) -> None:
    assert "no revision from before" in cluster.run("deploy", "staging", BROKEN, expect=3, FAKE_HELM_FAULT="upgrade")


def test_a_rollback_returns_to_the_revision_before_the_present_one(cluster: Cluster) -> None:
    cluster.run("deploy", "staging", ONE)
    assert "no revision before" in cluster.run("rollback", "staging", expect=2)
    cluster.run("deploy", "staging", TWO)
    assert "runs revision 1 again" in cluster.run("rollback", "staging")
    assert cluster.running.endswith("sha256:1")


def test_a_cluster_that_does_not_answer_is_left_alone(cluster: Cluster) -> None:
    assert "look at KUBECONFIG" in cluster.run("deploy", "staging", ONE, expect=2, FAKE_HELM_FAULT="history")
    assert cluster.calls == ["history"]


@pytest.mark.parametrize("words", [(), ("deploy",), ("deploy", "staging"), ("rollback", "nowhere"), ("other", "dev")])
def test_wrong_use_says_how(cluster: Cluster, words: tuple[str, ...]) -> None:
    cluster.run(*words, expect=2)
    assert cluster.calls == []


def test_a_dry_run_asks_and_changes_nothing(cluster: Cluster) -> None:
    told = cluster.run("--dry-run", "deploy", "prod", ONE) + cluster.run("--dry-run", "rollback", "prod")
    assert "+ helm upgrade volcast deploy/helm/volcast --install" in told
    assert "+ helm rollback volcast" in told
    assert [line for line in told.splitlines() if not line.startswith("+ ")] == []
    assert cluster.calls == []


@pytest.mark.parametrize("helm", HELMS)
def test_the_real_helms_know_the_options(cluster: Cluster, helm: str, tmp_path: Path) -> None:
    """Without a cluster they fail, but not because they do not understand."""
    printed = cluster.run("--dry-run", "deploy", "prod", TWO) + cluster.run("--dry-run", "rollback", "prod")
    commands = [shlex.split(line)[2:] for line in printed.splitlines() if line.startswith("+ helm ")]
    assert {command[0] for command in commands} == {"upgrade", "test", "rollback"}
    commands += [["history", "volcast", "--max", "50", "--output", "json"]]
    for command in commands:
        words = ["1" if word == "BEFORE" else word for word in command]
        done = run(program(helm), *words, cwd=ROOT, env={"KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path)})
        assert done.returncode != 0
        assert "unreachable" in done.stderr or "connection refused" in done.stderr, done.stderr


def test_the_scan_asks_grype_for_what_can_be_mended(tmp_path: Path) -> None:
    grype = tmp_path / "grype"
    grype.write_text('#!/bin/bash\necho "$@"\nexit 1\n')
    grype.chmod(0o755)
    script = ROOT / "deploy/scripts/scan.sh"
    done = run(script, "volcast:some", env={**os.environ, "GRYPE": str(grype)})
    assert (done.returncode, done.stdout) == (1, "volcast:some --only-fixed --fail-on high\n")
    assert run(script, env={**os.environ, "GRYPE": str(tmp_path / "none")}).returncode == 2
