"""The image of the batch job, built and run, where a container engine and its base image can be had."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.forms import long_form

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy/batch-smoke.sh"


def succeeds(*command: str) -> bool:
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0


def can_build() -> bool:
    base = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert base
    if succeeds("docker", "info"):
        return succeeds("docker", "image", "inspect", base[1])
    return succeeds("podman", "image", "exists", base[1])


@pytest.mark.timeout(900)
def test_the_image_runs_the_job_and_exits_with_its_code() -> None:
    if not can_build():
        pytest.skip("THE IMAGE WAS NOT BUILT: this machine has no docker daemon or podman with the base image")
    compiled = {"VOLCAST_COMPILE": long_form("never", "auto")}  # after a change of the core gcc takes two minutes
    done = subprocess.run([SCRIPT], capture_output=True, encoding="utf-8", check=False, env=os.environ | compiled)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all checks passed\n")


def test_the_script_is_valid_shell() -> None:
    assert SCRIPT.stat().st_mode & 0o111
    subprocess.run(["/bin/bash", "-n", SCRIPT], check=True)
