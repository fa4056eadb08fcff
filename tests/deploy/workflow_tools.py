"""What the tests of the workflows read, and the tools that check them. A tool that is missing skips its tests, aloud."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.environment import InstallError, python_with

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
GITLAB, JENKINS = ROOT / ".gitlab-ci.yml", ROOT / "Jenkinsfile"
CHECK_JSONSCHEMA, ZIZMOR = "check-jsonschema==0.39.0", "zizmor==1.32.0"
CACHE = Path(os.environ.get("VOLCAST_WORKFLOW_TOOLS") or Path.home() / ".cache/volcast/workflows")


def actionlint() -> str:
    path = CACHE / "bin/actionlint"
    if not path.exists():
        pytest.skip("SKIPPED, the workflows were not checked: no actionlint; deploy/workflow-tools.sh builds it")
    return str(path)


def installed(requirement: str) -> str:
    """Return the path of a program of Python's registry, which has an environment of its own."""
    try:
        return str(python_with(requirement).with_name(requirement.partition("==")[0]))
    except InstallError as error:
        pytest.skip(f"SKIPPED, the files were not checked: {error}")


def needs(program: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"SKIPPED, nothing was tested: there is no {program}")


def run(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; never raises for its exit code."""
    return subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False, **options)


def load(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and content of each job of each workflow of GitHub."""
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            yield f"{path.name}, {name}", job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each step with the name of its job."""
    for name, job in jobs():
        for step in job.get("steps", ()):
            yield name, step


def make_targets(text: str) -> set[str]:
    """Return the targets of the calls of make in a text; words with `=` are variables."""
    calls = re.findall(r"(?:^|[\s'\"|&;:])make((?: +(?:[A-Z_]+=(?:\"[^\"]*\"|\S+)|[a-z][a-z-]*))+)", text, re.MULTILINE)
    words = (word for call in calls for word in re.sub(r"[A-Z_]+=(?:\"[^\"]*\"|\S+)", "", call).split())
    return set(words)


def commands(path: Path) -> str:
    """Return what a file runs: the scripts of its jobs, without comments and names."""
    if path == JENKINS:
        return "\n".join(re.findall(r"\bsh '([^']+)'", path.read_text(encoding="utf-8")))
    if path == GITLAB:
        return "\n".join(line for job in load(path).values() if isinstance(job, dict) for line in job.get("script", ()))
    return "\n".join(step["run"] for job in load(path)["jobs"].values() for step in job.get("steps", ()) if "run" in step)
