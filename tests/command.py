"""Run the `volcast` command as a user does: as a process in a folder of its own, without our VOLCAST_ variables."""

import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryFile
from urllib.request import urlopen

from tests.forking import start, start_with_files
from volcast.proof.processes import processes
from volcast.proof.processes.processes import START_TIMEOUT_S, Process, ProcessGroup


def volcast(folder: Path, *arguments: object, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command until it ends. Its environment is that of the tests, if no other is given."""
    if environment is None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLCAST_")}
    done = volcast_bytes(folder, *map(str, arguments), environment=environment)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def volcast_bytes(
    folder: Path, *arguments: str, environment: Mapping[str, str], given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run the command with this on its standard input, until it ends."""
    with TemporaryFile() as source, TemporaryFile() as output, TemporaryFile() as errors:
        source.write(given)
        source.seek(0)
        process = start_with_files(arguments, folder, environment, (source.fileno(), output.fileno(), errors.fileno()))
        try:
            code = process.wait(START_TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(arguments, code, output.read(), errors.read())


def process_group(folder: Path) -> AbstractContextManager[ProcessGroup]:
    """Give a group of `volcast` processes that are killed when the `with` ends."""
    return processes.process_group(folder, start)


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
