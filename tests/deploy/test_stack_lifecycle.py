"""deploy/compose/lifecycle.yml as a user starts it: archiver, S3 and MLflow beside Kafka, crashes, a night run twice, the audit.

It starts containers and needs an image of its own, so it runs on request: `make test-stack-lifecycle`. LIFECYCLE_IMAGE names one
that is there already.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from tests.deploy.stack import ROOT, Stack
from volcast.lifecycle.archive.bucket import open_bucket
from volcast.lifecycle.archive.read import Archive

SYMBOLS = ["AAAUSDT", "BBBUSDT"]
DAYS, NIGHT, LATER = 4, "2026-11-03", "2026-11-09"
CANDLES = DAYS * 1_440
SPEED = 4_000
"""The replay takes a minute and a half: things break in its middle."""
STARTED = ("kafka", "consume-1", "serve", "produce", "prometheus", "s3", "mlflow", "archive")
FEW_DAYS = ("--days", "2", "--warmup-days", "1")
pytestmark = pytest.mark.timeout(2_400)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    if os.environ.get("TEST_STACK_LIFECYCLE") != "1":
        pytest.skip(
            "THE LONG LOOP'S CONTAINERS WERE NOT STARTED: `make test-stack-lifecycle` does, with docker or podman-compose"
        )
    stack = Stack(tmp_path, f"volcast-loop-{os.getpid()}", "deploy/compose/lifecycle.yml")
    named = os.environ.get("LIFECYCLE_IMAGE")
    image = named or "localhost/" * (stack.engine == "podman") + f"{stack.project}:one"
    try:
        if not named:
            stack.run(ROOT / "deploy/scripts/build.sh", image, REQUIREMENTS="requirements-lifecycle.txt")
            stack.say("the image is built")
        stack.write(IMAGE=image, LIFECYCLE_IMAGE=image)  # it has all that the services need, and more
        yield stack
    finally:
        stack.down()
        if not named:
            stack.run(stack.engine, "rmi", "--force", image)


def value(stack: Stack, query: str) -> float | None:
    """Return the only value of a query of Prometheus; None without one."""
    answer = stack.json("PROMETHEUS_PORT", f"/api/v1/query?query={quote(query)}")
    found = answer["data"]["result"] if answer else []
    return float(found[0]["value"][1]) if found else None


def archive(stack: Stack) -> Archive:
    """Return the archive, read from outside by the published port."""
    address = {"MINIO_ENDPOINT": f"http://127.0.0.1:{stack.ports['MINIO_PORT']}"}
    keys = {"MINIO_ROOT_USER": "minioadmin", "MINIO_ROOT_PASSWORD": "minioadmin"}
    return Archive(open_bucket("volcast", "archive", address | keys))


def archived(stack: Stack) -> dict[str, int]:
    """Return how many signals the archive has of each symbol; none twice."""
    rows = archive(stack).scan("signals").select("symbol", "open_time").collect()
    assert not rows.is_duplicated().any()
    return dict(rows.group_by("symbol").len().iter_rows())


def mlflow_runs(stack: Stack) -> int:
    """Return how many runs MLflow's server has."""

    def ask(what: str, **fields: object) -> Any:
        url = f"http://127.0.0.1:{stack.ports['MLFLOW_PORT']}/api/2.0/mlflow/{what}/search"
        body = json.dumps(fields | {"max_results": 1_000}).encode()
        with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=30) as response:
            return json.load(response)

    ids = [each["experiment_id"] for each in ask("experiments")["experiments"]]
    return len(ask("runs", experiment_ids=ids).get("runs", []))


def is_healthy(stack: Stack, service: str) -> bool:
    if stack.engine == "docker":
        return stack.inspect(service, ".State.Health.Status") == "healthy"
    command = (stack.engine, "healthcheck", "run", stack.container(service))  # without systemd podman runs none by itself
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def crashes(stack: Stack, service: str) -> None:
    stack.kill(service)
    stack.until(f"{service} was killed, and is started again", lambda: int(stack.inspect(service, ".RestartCount")) > 0)


def night(stack: Stack, day: str, expect: int = 0) -> str:
    return stack.compose("run", "--rm", "-T", "nightly", "--interval", day, *FEW_DAYS, expect=expect)


def test_the_long_loop_in_containers(stack: Stack) -> None:
    data = stack.folder / "data"
    generated = ("generate", "--days", str(DAYS), "--start", "2026-11-01", "--symbols", ",".join(SYMBOLS), "--out", data)
    subprocess.run([sys.executable, "-m", "volcast.cli.main", *generated], check=True, capture_output=True)
    files = " ".join(f"/data/{path.name}" for path in sorted(data.iterdir()))
    stack.write(CSV=files, SPEED=SPEED, VOLCAST_SHADOWS="har_diurnal")
    stack.compose("up", "-d", "--no-build", *STARTED)

    stack.until("Prometheus asks the archiver", lambda: value(stack, 'up{job="volcast-archive"}') == 1)
    stack.until("candles are archived", lambda: (value(stack, "sum(volcast_archive_records_total)") or 0) > 0)
    crashes(stack, "archive")
    crashes(stack, "s3")
    stack.until("all are healthy", lambda: all(is_healthy(stack, each) for each in ("archive", "s3", "mlflow")))
    stack.until("all candles are answered", lambda: {stack.candles().get(each) for each in SYMBOLS} == {CANDLES})
    stack.until("all signals are in the archive", lambda: archived(stack) == dict.fromkeys(SYMBOLS, CANDLES))
    assert (value(stack, "volcast_archive_behind_seconds") or 0) < 900
    assert stack.inspect("mlflow", ".RestartCount") == "0"

    said = night(stack, NIGHT)
    assert "backtest: har_diurnal was backtested on 2 symbols" in said
    runs = mlflow_runs(stack)
    assert runs == 3  # the comparison, and one of each model
    stack.say("the night is run, and MLflow has its comparison")
    commits = len(archive(stack).commits())
    again = night(stack, NIGHT)
    assert "was done before" in again
    assert (mlflow_runs(stack), len(archive(stack).commits())) == (runs, commits)
    assert "does not have the whole of" in night(stack, LATER, expect=99)
    stack.say("the night again changes nothing; one that is not archived yet ends with 99")

    stack.compose("run", "--rm", "-T", "audit")
    stack.say("the audit finds nothing")
    stack.down()
    assert stack.left() == []
