"""The versions that a comparison rests on: of volcast, of its source in git, and of the libraries of the forecasts.

It stands alone because it looks outside: the rest of a comparison is computed from its outcomes.
"""

import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from volcast.core.snapshot import VERSIONS

_SOURCE = Path(__file__).parents[3]
_FORECASTING = ("volcast/core", "volcast/backtest", "volcast/candle_files", "volcast/commands/backtest")


def used_versions() -> dict[str, str]:
    """Return versions by name; `git` only if volcast runs from a checkout, with `-dirty` behind it if files were changed."""
    found = {
        "volcast": version("volcast"),
        "python": ".".join(map(str, sys.version_info[:3])),
        **{name: VERSIONS[name] for name in ("numpy", "scipy", "river")},
    }
    return found | ({"git": commit} if (commit := git_commit(_SOURCE)) else {})


def forecast_inputs() -> dict[str, str]:
    """Return what the forecasts of a backtest depend on besides candles and settings: its source and the libraries.

    The source counts by its content, not by its commit: a change of a document computes nothing again.
    """
    digest = sha256()
    for package in _FORECASTING:
        for path in sorted(_SOURCE.joinpath(package).rglob("*")):
            if path.suffix in {".py", ".json", ".csv"}:
                digest.update(path.relative_to(_SOURCE).as_posix().encode() + b"\0" + path.read_bytes())
    return {**{name: text for name, text in used_versions().items() if name != "git"}, "source": digest.hexdigest()}


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
