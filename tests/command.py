"""Run the `volcast` command as a user does: as a process in a folder of its own, without our VOLCAST_ variables."""

import os
import re
import subprocess
from pathlib import Path
from urllib.request import urlopen

from volcast.proof.processes.processes import START_TIMEOUT_S, VOLCAST, Process


def volcast(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command until it ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
    command = [VOLCAST, *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
    )


def address(process: Process, before: str = "/latest") -> str | None:
    """Return the URL that a running command has printed, up to `before`; None until it has."""
    found = re.search(rf"(http://\S+){before}\b", process.read_output())
    return found[1] if found else None


def get(process: Process, path: str, before: str = "/latest") -> str:
    """Return the response of a running command to GET `path`; empty until it has printed its URL."""
    base = address(process, before)
    if base is None:
        return ""
    with urlopen(base + path, timeout=START_TIMEOUT_S) as response:  # noqa: S310  # a local address
        text: str = response.read().decode()
    return text
