"""The versions that a comparison rests on: of volcast, of its source in git, and of the libraries of the forecasts.

It stands alone because it looks outside: the rest of a comparison is computed from its outcomes.
"""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from volcast.core.snapshot import VERSIONS

_SOURCE = Path(__file__).parents[3]


def used_versions() -> dict[str, str]:
    """Return versions by name; `git` only if volcast runs from a checkout, with `-dirty` behind it if files were changed."""
    found = {
        "volcast": version("volcast"),
        "python": ".".join(map(str, sys.version_info[:3])),
        **{name: VERSIONS[name] for name in ("numpy", "scipy", "river")},
    }
    return found | ({"git": commit} if (commit := git_commit(_SOURCE)) else {})


def git_commit(folder: Path) -> str:
    """Return the commit of a checkout, such as 5bad345a-dirty; empty if the folder is none, or git is missing."""
    if not (folder / ".git").exists():
        return ""
    words = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)  # noqa: S603  # the words are ours
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
