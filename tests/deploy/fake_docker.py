"""A small `docker` that keeps images and containers in a JSON file, for tests of the scripts where there is no Docker.

It knows the commands that deploy/scripts uses. A container is healthy unless its image's id begins with `b20ce4`. FAKE_DOCKER
names the file.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ.get("FAKE_DOCKER", "docker.json"))


def answer(words: list[str], state: dict[str, Any]) -> str | None:
    """Return what a command prints that changes nothing; None for others."""
    images, containers = state["images"], state["containers"]
    match words:
        case ["image", "inspect", "-f", "{{.Id}}", name] if name in images:
            return f"sha256:{images[name]}"
        case ["ps", "-aq", "--filter", _, "--filter", label]:
            service = label.rpartition("=")[2]
            return service if service in containers else ""
        case ["inspect", "-f", form, service]:
            health = "unhealthy" if containers[service].startswith("b20ce4") else "healthy"
            answers = {"RestartCount": "0", "State.Health": health, "State.Running": "running"}
            return next(text for field, text in answers.items() if field in form)
        case ["info" | "exec" | "logs", *_]:
            return ""
    return None


def change(words: list[str], state: dict[str, Any]) -> bool:
    """Do what a command says; return whether it is known. Nothing can be pulled: there is no registry."""
    match words:
        case ["tag", old, new]:
            state["images"][new] = state["images"][old]
        case ["compose", "-p", _, *rest] if "up" in rest:
            for service in rest[rest.index("up") + 1 :]:
                if not service.startswith("-"):
                    state["containers"][service] = state["images"].get(os.environ.get("IMAGE", ""), "")
                    state["calls"].append(service)
        case _:
            return False
    return True


if __name__ == "__main__":
    found = json.loads(STATE.read_text())
    printed = answer(sys.argv[1:], found)
    if printed is None and not change(sys.argv[1:], found):
        sys.exit(1)
    STATE.write_text(json.dumps(found))
    print(printed or "")  # noqa: T201  # as docker does
