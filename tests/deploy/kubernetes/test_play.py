"""The chart's pods of API and consumer run under podman, with a real broker. `make test-kubernetes` runs it."""

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
import yaml

from tests.deploy.kubernetes.cluster import free_ports
from tests.deploy.kubernetes.tools import ROOT, Manifest, of_kind, rendered, run

LIMIT_S = 240.0
pytestmark = pytest.mark.timeout(1_800)


def pod_of(workload: Manifest, name: str, environment: dict[str, str]) -> Manifest:
    """Return the pod of a workload as podman takes it: on this machine's network, and with ports that are free."""
    pod = json.loads(json.dumps(workload["spec"]["template"]["spec"]))
    container = pod["containers"][0]
    container["env"] = [
        {"name": each["name"], "value": environment[each["name"]]} if each["name"] in environment else each
        for each in container["env"]
    ]
    container.pop("ports")
    for probe in (
        "startupProbe",
        "livenessProbe",
        "readinessProbe",
        "lifecycle",
    ):  # podman would ask with curl, which the image lacks
        container.pop(probe, None)
    pod.pop("topologySpreadConstraints")
    pod["hostNetwork"] = True
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod}


def answer(port: int, path: str) -> tuple[int, Any]:
    """Return status and body of a GET; 0 without an answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
    except (URLError, OSError):
        return 0, b""


def until(what: str, condition: Callable[[], Any], logs: Callable[[], str] = str) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s, f"after {LIMIT_S:.0f} s still not: {what}\n{logs()}"
        time.sleep(0.5)


@pytest.fixture
def podman() -> str:
    if os.environ.get("TEST_KUBERNETES") != "1":
        pytest.skip("NO POD WAS STARTED: `make test-kubernetes` does")
    found = shutil.which("podman")
    if not found:
        pytest.skip("NO POD WAS STARTED: there is no podman")
    return found


@pytest.fixture
def image(podman: str) -> Iterator[str]:
    """The image named by IMAGE, or one that is built from the Dockerfile and removed."""
    if named := os.environ.get("IMAGE"):
        yield named
        return
    base = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)[0]
    if run(podman, "image", "exists", base).returncode != 0 and run(podman, "pull", "--quiet", base).returncode != 0:
        pytest.skip(f"NO POD WAS STARTED: the image cannot be built, as podman has no {base}")
    name = f"localhost/volcast-play:test-{os.getpid()}"  # Helm would take a number for no text
    built = run(podman, "build", "--network", "host", "--tag", name, ROOT)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    try:
        yield name
    finally:
        run(podman, "rmi", name)


@pytest.fixture
def broker(podman: str, request: pytest.FixtureRequest) -> str:
    """`host:port` of a broker, which is started only where pods are."""
    found: str = request.getfixturevalue("kafka_bootstrap")
    return found


@pytest.fixture
def ports(podman: str, image: str, broker: str, kafka_prefix: str, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """The ports of API and consumer, whose pods run."""
    repository, tag = image.rsplit(":", 1)
    objects = rendered(
        "plain", "--set", f"image.repository={repository},image.tag={tag},kafka.address={broker}",
        "--set", f"settings.topic_prefix={kafka_prefix}",
    )  # fmt: skip
    api, consumer = free_ports(2)
    pods = [
        of_kind(objects, "ConfigMap")["volcast-settings"],
        pod_of(of_kind(objects, "Deployment")["volcast-api"], f"play-{api}-api", {"VOLCAST_PORT": str(api)}),
        pod_of(
            of_kind(objects, "StatefulSet")["volcast-consumer"], f"play-{api}-consumer-0", {"VOLCAST_METRICS_PORT": str(consumer)}
        ),
    ]
    file = tmp_path / "pods.yaml"
    file.write_text(yaml.safe_dump_all(pods), encoding="utf-8")
    try:
        played = run(podman, "play", "kube", file)
        assert played.returncode == 0, played.stdout + played.stderr
        yield api, consumer
    finally:
        run(podman, "play", "kube", "--down", file)


def test_the_pods_of_api_and_consumer_work(ports: tuple[int, int], podman: str, broker: str, kafka_prefix: str) -> None:
    api, consumer = ports

    def logs() -> str:
        found = [run(podman, "logs", "--tail", "20", f"play-{api}-{each}") for each in ("api-api", "consumer-0-consumer")]
        return "\n".join(each.stdout + each.stderr for each in found)

    until("the API is ready", lambda: answer(api, "/ready")[0] == 200, logs)
    until("the consumer is ready", lambda: answer(consumer, "/ready")[0] == 200, logs)
    replay = (sys.executable, "-m", "volcast.cli.main", "produce", "replay", "--bus", f"kafka://{broker}")
    replayed = run(*replay, "--topic-prefix", kafka_prefix, "--speed", "max")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    until("the API has a signal of the sample", lambda: answer(api, "/latest/BTCUSDT")[0] == 200, logs)
    name = f"play-{api}-consumer-0"
    members = json.loads(run(podman, "pod", "inspect", name).stdout)
    container = next(each["Name"] for each in members["Containers"] if each["Name"].endswith("-consumer"))
    user = run(podman, "exec", container, "python", "-c", "import os; print(os.getuid())")
    assert user.stdout.strip() == "10001", user.stderr
    written = run(podman, "exec", container, "python", "-c", "open('/home/volcast/x', 'w')")
    assert "Read-only file system" in written.stderr
    environment = run(podman, "exec", container, "python", "-c", "import os; print(os.environ['VOLCAST_INSTANCE_ID'])")
    assert environment.stdout.strip() == name
    began_s = time.monotonic()
    stopped = run(podman, "stop", "--time", "30", container)
    assert stopped.returncode == 0, stopped.stderr
    state = json.loads(run(podman, "inspect", container).stdout)[0]["State"]
    assert state["ExitCode"] == 0, state  # it ended by itself, not by the kill after the 30 seconds
    assert time.monotonic() - began_s < LIMIT_S
