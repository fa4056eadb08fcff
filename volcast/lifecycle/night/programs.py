"""The other programs of a night: `volcast models promote` and `volcast notify send`, each in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

_VOLCAST = (sys.executable, "-m", "volcast.cli.main")
_NO_URL = 2


class NightProgramError(Exception):
    """A program ended with an error: one sentence for the user, with what it said."""


def promote_winner(
    model: str, evidence: bytes, digest: str, log_arguments: Sequence[str], mlflow_run: str | None = None
) -> dict[str, Any]:
    """Let a model lead, on the evidence of a comparison, and return the promotion as `volcast models` shows it.

    `mlflow_run` is the run in which MLflow has the comparison; the record names it.

    A promotion that an earlier attempt has written with the same evidence is returned and not repeated. Raises NightProgramError.
    """
    if (known := _promotion(model, digest, log_arguments)) is not None:
        return known
    with TemporaryDirectory(prefix="volcast-night-") as folder:
        path = Path(folder, "comparison.json")
        path.write_bytes(evidence)
        run = ("--mlflow-run", mlflow_run) if mlflow_run else ()
        _call("models", "promote", model, "--evidence", str(path), *run, "--who", "volcast nightly", *log_arguments)
    known = _promotion(model, digest, log_arguments)
    if known is None:
        raise NightProgramError(f"the promotion of {model} is not on the log, though `volcast models promote` has written it")
    return known


def send(title: str, text: str) -> str:
    """Send a notification to the URLs of the setting `notify`, and return what was said. Raises NightProgramError."""
    return _call("notify", "send", title, text)


def _promotion(model: str, digest: str, log_arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return the promotion with this evidence that is not taken back; None if there is none."""
    listed = msgspec.json.decode(_call("models", "list", "--json", *log_arguments))
    for each in listed["promotions"]:
        if each["model"] == model and (each.get("evidence") or {}).get("sha256") == digest:
            found: dict[str, Any] = each
            return found
    return None


def _call(*words: str) -> str:
    done = subprocess.run([*_VOLCAST, *words], capture_output=True, text=True, check=False)  # noqa: S603  # the words are ours
    if done.returncode:
        lines = [line.removeprefix("volcast: ") for line in done.stderr.strip().splitlines()]
        said = " ".join(lines[-3:]) or done.stdout.strip() or "it said nothing"
        raise NightProgramError(f"volcast {' '.join(words[:2])} ended with exit code {done.returncode}: {said}")
    return done.stdout
