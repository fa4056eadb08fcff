"""On what a comparison ran: the machine, and the versions that each program has."""

import os
import platform
import subprocess
from pathlib import Path

from .contestants import Contestant

_LIST = (
    "import importlib.metadata, platform, sys; print(platform.python_version(), *map(importlib.metadata.version, sys.argv[1:]))"
)
_LIBRARIES = {
    "quix": ("quixstreams", "confluent-kafka", "river"),
    "flechtwerk": ("flechtwerk", "aiokafka", "uvloop", "river"),
    "csp": ("csp", "river"),
}
_OURS = ("volcast", "aiokafka", "msgspec", "river")


def machine() -> str:
    """Return processor, cores and system in one line."""
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    cores = len(os.sched_getaffinity(0))
    return f"{model or platform.machine()}, {cores} cores, {platform.system()} {platform.release()}, load average {load}"


def versions(contestant: Contestant) -> str:
    """Return the versions of Python and of the libraries of a program."""
    names = _LIBRARIES.get(contestant.module, _OURS)
    command = [str(contestant.python()), "-c", _LIST, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # the words are ours
    return ", ".join(f"{name} {found}" for name, found in zip(("Python", *names), done.stdout.split(), strict=True))


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
