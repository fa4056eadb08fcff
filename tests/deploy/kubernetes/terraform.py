"""OpenTofu or Terraform on a copy of deploy/terraform, with providers from a mirror on this machine or from their registry."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.kubernetes.tools import CACHE, ROOT, program, run

PROGRAMS = ("tofu", "terraform")
MIRROR = CACHE / "providers"
MISSING = "NO RESOURCE WAS CHECKED: the providers are not in {mirror} (deploy/kubernetes-tools.sh checkouts), and "


def find(name: str) -> str:
    """Return the path of OpenTofu or Terraform; skip the test if it is not there."""
    if found := shutil.which(name):
        return found
    if name == "tofu":
        return program(name, "terraform")
    pytest.skip("SKIPPED, nothing was tested: no terraform")


class Workspace:
    """A copy of deploy/ in which a program has been initialized."""

    def __init__(self, name: str, folder: Path) -> None:
        self._program = find(name)
        shutil.copytree(ROOT / "deploy", folder / "deploy")  # follows the links of the chart
        self.folder = folder / "deploy/terraform"
        configuration = folder / "configuration.tfrc"
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        self._environment |= {"TF_CLI_CONFIG_FILE": str(configuration), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        if MIRROR.is_dir():
            configuration.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{MIRROR}"\n  }}\n}}\n')
        elif os.environ.get("TEST_KUBERNETES") == "1":
            configuration.write_text("")
        else:
            pytest.skip(MISSING.format(mirror=MIRROR) + "only `make test-kubernetes` asks their registry")

    def init(self) -> None:
        """Install the providers; skip the test if no registry can be reached."""
        done = self.run("init", "-backend=false", "-input=false")
        if not MIRROR.is_dir() and "could not connect" in done.stderr:
            pytest.skip(MISSING.format(mirror=MIRROR) + "their registry cannot be reached")
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, verb: str, *options: str) -> subprocess.CompletedProcess[str]:
        return run(self._program, verb, "-no-color", *options, cwd=self.folder, env=self._environment)
