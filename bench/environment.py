"""Environments of their own for libraries that a bench compares with, so that the project does not depend on them."""

import subprocess
import sys
import venv
from pathlib import Path

from platformdirs import user_cache_path


def installed_python(requirement: str) -> Path | None:
    """Return the interpreter of an environment that `python_with` has made; None if there is none."""
    folder = _folder(requirement)
    return folder / "bin/python" if (folder / "ready").exists() else None


def python_with(requirement: str, *, only_wheels: bool = True) -> Path:
    """Return the interpreter of an environment that has a library, such as `pandas==3.1.1`.

    It is made in the user's cache folder if it is missing, and says so; that needs the network.
    """
    if python := installed_python(requirement):
        return python
    folder = _folder(requirement)
    print(f"installing {requirement} into {folder}", flush=True)
    venv.create(folder, with_pip=True, clear=True)
    options = ["--quiet", "--disable-pip-version-check", *(["--only-binary=:all:"] if only_wheels else [])]
    command = [str(folder / "bin/python"), "-m", "pip", "install", *options, requirement]
    subprocess.run(command, check=True)  # noqa: S603  # the words are ours
    (folder / "ready").touch()
    return folder / "bin/python"


def _folder(requirement: str) -> Path:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return user_cache_path("volcast") / f"bench-{requirement.replace('==', '-')}-{version}"
