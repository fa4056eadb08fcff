"""The Terraform files are well formed, their providers accept the resources, and they agree with the chart."""

import json
import re
from pathlib import Path

import pytest

from tests.deploy.kubernetes.terraform import PROGRAMS, Workspace, find
from tests.deploy.kubernetes.tools import ENVIRONMENTS, PLAIN, ROOT, run

FOLDER = ROOT / "deploy/terraform"
MAIN = (FOLDER / "main.tf").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_files_are_well_formed(name: str, tmp_path: Path) -> None:
    command = (find(name), "fmt", "-check", "-diff")
    found = run(*command, FOLDER)
    assert found.returncode == 0, found.stdout + found.stderr
    (tmp_path / "main.tf").write_text(MAIN.replace("name      =", "name ="), encoding="utf-8")
    assert run(*command, tmp_path).returncode == 3
    (tmp_path / "main.tf").write_text(MAIN + "}", encoding="utf-8")
    assert run(*command, tmp_path).returncode not in {0, 3}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_providers_accept_the_resources(name: str, tmp_path: Path) -> None:
    workspace = Workspace(name, tmp_path)
    workspace.init()
    found = json.loads(workspace.run("validate", "-json").stdout)
    assert found["valid"], found["diagnostics"]
    assert found["diagnostics"] == []
    main = workspace.folder / "main.tf"
    for right, wrong in {"max_history": "max_histories", "kubernetes_namespace_v1": "kubernetes_namespaces"}.items():
        main.write_text(MAIN.replace(right, wrong), encoding="utf-8")
        found = json.loads(workspace.run("validate", "-json").stdout)
        assert not found["valid"]
        assert wrong in json.dumps(found["diagnostics"])


def test_the_environments_are_those_of_the_chart() -> None:
    named = re.search(r"contains\(\[(.*?)\]", (FOLDER / "variables.tf").read_text(encoding="utf-8"))
    assert named
    environments = {name.strip(' "') for name in named[1].split(",")}
    assert environments == {file.stem for file in ENVIRONMENTS.glob("*.yaml")} - {"plain"}
    for path in re.findall(r"\$\{path\.module\}/(\.\./[a-z/]+)", MAIN):
        assert (FOLDER / path).resolve().is_dir(), path


def test_the_namespace_has_the_labels_of_the_plain_manifests() -> None:
    labels = dict(re.findall(r'"(pod-security\.kubernetes\.io/\w+)"\s*= "(\w+)"', MAIN))
    plain = (PLAIN / "00-namespace.yaml").read_text(encoding="utf-8")
    assert labels == dict(re.findall(r"(pod-security\.kubernetes\.io/\w+): (\w+)", plain))
    assert len(labels) == 3


def test_every_variable_is_used_and_described() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.tf")))
    declared = set(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))
    assert declared == set(re.findall(r"\bvar\.(\w+)", text))
    for block in re.split(r"^(?=variable|output)", text, flags=re.MULTILINE)[1:]:
        assert re.search(r"^  description +=", block, re.MULTILINE), block
