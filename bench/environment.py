"""Environments of their own for libraries that a bench compares with or an example needs, not the project itself.

They are kept in the user's cache folder. Each name there ends in a checksum of what else was installed with the library.
"""

import fcntl
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path


class InstallError(Exception):
    """A library cannot be installed: there is no network, or it does not fit this version of Python."""


def installed_python(*requirements: str) -> Path | None:
    """Return the interpreter of an environment that `python_with` has made; None if there is none."""
    folder = _folder(requirements)
    return folder / "bin/python" if (folder / "ready").exists() else None


def python_with(*requirements: str, only_wheels: bool = True) -> Path:
    """Return the interpreter of an environment that has a library, such as `pandas==3.1.1`, and others.

    It is made in the user's cache folder if it is missing, and says so; that needs the network. Of several processes that ask for
    the same one at the same time, one makes it and the others wait.

    Raises:
        InstallError: with what pip says, if they cannot be installed.
    """
    folder = _folder(requirements)
    with _locked(folder):
        if python := installed_python(*requirements):
            return python
        print(f"installing {requirements[0]} into {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        options = ["--quiet", "--disable-pip-version-check", *(["--only-binary=:all:"] if only_wheels else [])]
        command = [str(folder / "bin/python"), "-m", "pip", "install", *options, *requirements]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603  # the words are ours
        if done.returncode:
            raise InstallError(f"{requirements[0]} cannot be installed: {done.stderr.strip()}")
        (folder / "ready").touch()
    return folder / "bin/python"


def _folder(requirements: tuple[str, ...]) -> Path:
    first, *others = requirements
    checksum = "-" + sha256("\n".join(others).encode()).hexdigest()[:8] if others else ""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return user_cache_path("volcast") / f"bench-{first.replace('==', '-')}{checksum}-{version}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
