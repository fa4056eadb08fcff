"""Environments of their own for programs whose libraries quarrel with this project's, from lock files with hashes.

They are kept in the user's cache folder. A name there has the checksum of the lock file, so another lock is another environment.
"""

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path

_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class InstallError(Exception):
    """A library cannot be installed: there is no network, or it does not fit this version of Python."""


def python_with_locked(file: Path, tell: Callable[[str], None] = print) -> Path:
    """Return the interpreter of an environment with exactly what a file of requirements with hashes pins.

    It is made if it is missing, which needs the network; `tell` gets a sentence then. Of several processes that ask for the same
    one at the same time, one makes it and the others wait. Raises InstallError with what pip says if it cannot be made.
    """
    folder = user_cache_path("volcast") / f"locked-{sha256(file.read_bytes()).hexdigest()[:12]}-{_VERSION}"
    return make_environment(folder, str(file), ["--require-hashes", "--requirement", str(file)], sys.executable, tell)


def make_environment(folder: Path, what: str, words: Sequence[str], creator: str, tell: Callable[[str], None] = print) -> Path:
    """Return the interpreter of the environment in a folder, which `creator` makes and pip fills as `words` say."""
    with _locked(folder):
        if (folder / "ready").exists():
            return folder / "bin/python"
        tell(f"installing {what} into {folder}")
        subprocess.run([creator, "-m", "venv", "--clear", folder], check=True)  # noqa: S603  # the words are ours
        command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603  # the words are ours
        if done.returncode:
            raise InstallError(f"{what} cannot be installed: {done.stderr.strip()}")
        (folder / "ready").touch()
    return folder / "bin/python"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
