"""Environments with the bots' frameworks, each made once and kept, and the examples as a user copies them."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from bench.environment import InstallError, python_with

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FREQTRADE = "freqtrade==2026.9"
NAUTILUS = "nautilus_trader==1.221.0"
CCXT = "ccxt==4.5.90"


def bot_python(*requirements: str) -> Path:
    """Return an interpreter with a framework and with what volcast depends on, as `pip install FRAMEWORK volcast` gives it.

    volcast itself comes from this checkout, by PYTHONPATH. Without a network the test is skipped and says so, but not in CI.
    Anything else that pip refuses fails the test.
    """
    dependencies: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    try:
        return python_with(*requirements, *sorted(dependencies), only_wheels=False)  # freqtrade needs one that has no wheel
    except InstallError as why:
        if os.environ.get("CI") or "connection broken" not in str(why):
            raise
        pytest.skip(f"no network, so {requirements[0]} cannot be installed")


def run_bot(
    folder: Path, *command: str | Path, stdin: str = "", timeout_s: float = 150.0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of a bot in a folder until it ends."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **environment}
    words = [str(each) for each in command]
    return subprocess.run(words, cwd=folder, env=env, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False)


def copied(folder: Path, *names: str) -> Path:
    """Copy examples into one folder, as docs/bots.md says, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(EXAMPLES / name, folder)
    return folder
