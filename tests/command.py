"""The `volcast` command as its users run it: a process of its own, in a folder of its own, without our environment."""

import os
import re
import subprocess
from pathlib import Path
from urllib.request import urlopen

from volcast.proof.processes.processes import START_TIMEOUT_S, VOLCAST, Process


def volcast(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
    command = [VOLCAST, *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
    )


def address(process: Process, before: str = "/latest") -> str | None:
    """The address that a running one has told, up to `before`; None until it has."""
    told = re.search(rf"(http://\S+){before}\b", process.said())
    return told[1] if told else None


def get(process: Process, path: str, told_with: str = "/latest") -> str:
    """Ask a running one over HTTP; empty while it has not told its address."""
    base = address(process, told_with)
    if base is None:
        return ""
    with urlopen(base + path, timeout=START_TIMEOUT_S) as response:  # noqa: S310  # an address of ours
        text: str = response.read().decode()
    return text
