"""The Terraform files agree with the chart, and OpenTofu finds them well formed. There is no provider to check resources with."""

import re

from tests.deploy.kubernetes.tools import ENVIRONMENTS, PLAIN, ROOT, program, run

FOLDER = ROOT / "deploy/terraform"
MAIN = (FOLDER / "main.tf").read_text(encoding="utf-8")


def test_opentofu_finds_the_files_well_formed() -> None:
    found = run(program("tofu", "terraform"), "fmt", "-check", "-diff", FOLDER)
    assert found.returncode == 0, found.stdout + found.stderr


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
