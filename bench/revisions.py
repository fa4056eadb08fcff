"""The revision that a bench compares with, exported from git into a folder of its own, as it is or with a compiled core."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
PACKAGES = ("volcast", "producer", "consumer", "api")
BUILD_FILES = ("setup.py", "pyproject.toml", "README.md", "LICENSE")


class RevisionError(Exception):
    """A revision cannot be found, exported or compiled; the message says which, and why."""


def git(*arguments: str) -> str | None:
    """Return what git prints; None if it fails."""
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return None if done.returncode else done.stdout.strip()


def default_base() -> str:
    """Return the revision before the changes of this tree.

    It is the merge base with `origin/main` or `main`; on that branch itself the last commit, if something is not committed, or
    else the commit before. Raises RevisionError if git knows none.
    """
    head = git("rev-parse", "HEAD")
    for branch in ("origin/main", "main"):
        merge_base = git("merge-base", "HEAD", branch)
        if merge_base and merge_base != head:
            return merge_base
    if git("status", "--porcelain", "--", *PACKAGES):
        return "HEAD"
    if git("rev-parse", "--verify", "HEAD~1") is None:
        raise RevisionError("there is no revision to compare with: fetch the history (`git fetch --unshallow`), or name one")
    return "HEAD~1"


@contextmanager
def exported(revision: str) -> Iterator[tuple[str, Path]]:
    """Give the name of a revision, and a folder with its packages. Raises RevisionError if git does not have it."""
    name = git("describe", "--tags", "--always", revision)
    present = (git("ls-tree", "--name-only", revision, *PACKAGES, *BUILD_FILES) or "").split()
    done = subprocess.run(["git", "-C", ROOT, "archive", revision, *present], capture_output=True, check=False)  # noqa: S603, S607
    if name is None or not present or done.returncode:
        raise RevisionError(f"git cannot export {revision}: {done.stderr.decode().strip() or 'it has none of the packages'}")
    with TemporaryDirectory(prefix="volcast-base-") as folder:
        with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield name, Path(folder)


def compile_core(folder: Path) -> None:
    """Compile the core of a revision in place, if it has a `setup.py` that can. Raises RevisionError if that fails."""
    if not (folder / "setup.py").exists():
        return
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    environment = {**os.environ, "VOLCAST_COMPILE": "always"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RevisionError(f"the core of the base cannot be compiled: {done.stderr.strip()[-2_000:]}")
