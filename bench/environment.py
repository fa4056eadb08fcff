"""Environments of their own for libraries that a bench compares with or an example needs, not the project itself.

They are kept in the user's cache folder. Each name there ends in a checksum of what else was installed with the library.
"""

import os
import shutil
import subprocess
import sys
from functools import partial
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path

from volcast.lifecycle.quality.environment import InstallError, make_environment, python_with_locked

__all__ = ["InstallError", "installed_python", "python_with", "python_with_locked"]
THIS_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def installed_python(*requirements: str, version: str = THIS_VERSION) -> Path | None:
    """Return the interpreter of an environment that `python_with` has made; None if there is none."""
    folder = _folder(requirements, version)
    return folder / "bin/python" if (folder / "ready").exists() else None


def python_with(*requirements: str, only_wheels: bool = True, version: str = THIS_VERSION) -> Path:
    """Return the interpreter of an environment that has a library, such as `pandas==3.1.1`, and others.

    It is made in the user's cache folder if it is missing, and says so; that needs the network. Of several processes that ask for
    the same one at the same time, one makes it and the others wait. It has this `version` of Python, such as 3.13.

    Raises:
        InstallError: with what pip says, if they cannot be installed; or if there is no such Python.
    """
    options = ["--only-binary=:all:"] if only_wheels else []
    return _made(_folder(requirements, version), requirements[0], [*options, *requirements], version)


def _made(folder: Path, what: str, words: list[str], version: str) -> Path:
    creator = sys.executable if version == THIS_VERSION else _interpreter(version)
    return make_environment(folder, what, words, str(creator), partial(print, flush=True))


def _interpreter(version: str) -> Path:
    """Return a Python of this version: one on the PATH, or one that pyenv has. Raises InstallError if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"{version}.*/bin/python")
    on_path = shutil.which(f"python{version}")
    for python in (*([Path(on_path)] if on_path else []), *sorted(pyenv)):
        done = subprocess.run([python, "-c", "import venv"], capture_output=True, check=False)  # noqa: S603  # as above
        if done.returncode == 0:
            return python
    raise InstallError(f"Python {version} is needed, and not found here")


def _folder(requirements: tuple[str, ...], version: str) -> Path:
    first, *others = requirements
    checksum = "-" + sha256("\n".join(others).encode()).hexdigest()[:8] if others else ""
    return user_cache_path("volcast") / f"bench-{first.replace('==', '-')}{checksum}-{version}"
