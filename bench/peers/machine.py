"""On what a comparison ran: the machine, and the versions that each program has."""

import os
import platform
import subprocess
from importlib.util import find_spec
from pathlib import Path

from .contestants import Contestant

_LIST = (
    "import importlib.metadata, platform, sys; print(platform.python_version(), *map(importlib.metadata.version, sys.argv[1:]))"
)
_LIBRARIES = {
    "quix": ("quixstreams", "confluent-kafka", "river"),
    "flechtwerk": ("flechtwerk", "aiokafka", "uvloop", "river"),
    "csp": ("csp", "river"),
    "by_hand_librdkafka": ("confluent-kafka", "msgspec", "river"),
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
    found = ", ".join(f"{name} {each}" for name, each in zip(("Python", *names), done.stdout.split(), strict=True))
    return f"{found}, core {'' if is_compiled() else 'not '}compiled" if names is _OURS else found


def is_compiled() -> bool:
    """Return whether the core of this volcast is compiled."""
    spec = find_spec("volcast.core.engine")
    return bool(spec and spec.origin and not spec.origin.endswith(".py"))


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
