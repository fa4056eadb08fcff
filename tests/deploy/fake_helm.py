"""A small `helm` that keeps the revisions of one release in a JSON file, for tests of the script where there is no cluster.

It knows the commands that deploy/scripts/cluster.sh uses. FAKE_HELM names the file. FAKE_HELM_FAULT is the command that fails;
`upgrade` and `test` fail only for an image whose name has `broken`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ.get("FAKE_HELM", "helm.json"))


def answer(words: list[str], state: dict[str, Any], fault: str) -> str | None:
    """Do what a command says, and return what it prints; None if it fails."""
    revisions: list[dict[str, str]] = state["revisions"]
    newest = revisions[-1]["image"] if revisions else ""
    match words:
        case ["history", "volcast", *_] if fault == "history":
            print("Error: Kubernetes cluster unreachable", file=sys.stderr)  # noqa: T201  # as helm does
            found = None
        case ["history", "volcast", *_] if not revisions:
            print("Error: release: not found", file=sys.stderr)  # noqa: T201
            found = None
        case ["history", "volcast", *_]:
            found = json.dumps([{"revision": at, "status": each["status"]} for at, each in enumerate(revisions, 1)])
        case ["upgrade", "volcast", _, "--install", *rest]:
            image = rest[rest.index("--set-string") + 1]
            fails = fault == "upgrade" and "broken" in image
            add(revisions, image, "failed" if fails else "deployed")
            found = None if fails else "upgraded"
        case ["rollback", "volcast", number, *_]:
            add(revisions, revisions[int(number) - 1]["image"], "deployed")
            found = "rolled back"
        case ["test", "volcast", *_]:
            found = None if fault == "test" and "broken" in newest else "Succeeded"
        case _:
            return None
    state["calls"].append(words[0])
    return found


def add(revisions: list[dict[str, str]], image: str, status: str) -> None:
    """Add a revision; one that is deployed takes the place of the one that was."""
    for each in revisions:
        if status == each["status"] == "deployed":
            each["status"] = "superseded"
    revisions.append({"image": image, "status": status})


if __name__ == "__main__":
    known = json.loads(STATE.read_text())
    printed = answer(sys.argv[1:], known, os.environ.get("FAKE_HELM_FAULT", ""))
    STATE.write_text(json.dumps(known))
    if printed is None:
        sys.exit(1)
    print(printed)  # noqa: T201  # as helm does
