"""A real control plane on this machine: etcd, API server, controllers, scheduler, and nodes that kwok plays; no container."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml

from tests.deploy.kubernetes.tools import CACHE, Manifest, program, run

LIMIT_S = 240.0
NODES = 3
_PROGRAMS = ("etcd", "kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler", "kwok")
_TOKEN = "administrator"  # of a server on this machine's loopback, for the length of a test


class Cluster:
    """The processes of one control plane. Everything is below `folder`, and on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        if os.environ.get("TEST_KUBERNETES") != "1":
            pytest.skip("NO CLUSTER WAS STARTED: `make test-kubernetes` does")
        self._programs = {name: program(name, "cluster") for name in _PROGRAMS}
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self.config = folder / "admin.kubeconfig"

    def start(self) -> None:
        """Start all processes and wait until the nodes are ready."""
        client, peer, port = free_ports(3)
        openssl = shutil.which("openssl")
        assert openssl, "no openssl"
        for command in (("genrsa", "-out", "sa.key", "2048"), ("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")):
            subprocess.run([openssl, *command], cwd=self.folder, check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(f'{_TOKEN},admin,1,"system:masters"\n', encoding="utf-8")
        self.url = f"https://127.0.0.1:{port}"
        self.write_config(self.config, _TOKEN)
        peers = f"http://127.0.0.1:{peer}"
        self._launch(
            "etcd", f"--data-dir={self.folder}/etcd", f"--listen-client-urls=http://127.0.0.1:{client}", "--unsafe-no-fsync",
            f"--advertise-client-urls=http://127.0.0.1:{client}", f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}",
        )  # fmt: skip
        self._until_answers(f"http://127.0.0.1:{client}/health")
        self._launch(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{client}", f"--cert-dir={self.folder}/certificates",
            f"--secure-port={port}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none",
            f"--service-account-key-file={self.folder}/sa.pub", f"--service-account-signing-key-file={self.folder}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc", f"--token-auth-file={self.folder}/tokens.csv",
        )  # fmt: skip
        self.until("the API server is ready", lambda: self.kubectl("get", "--raw", "/readyz", check=False) == "ok")
        managed = ("--leader-elect=false", f"--kubeconfig={self.config}", "--bind-address=127.0.0.1")
        ports = free_ports(2)
        self._launch(
            "kube-controller-manager", *managed, f"--secure-port={ports[0]}",
            f"--service-account-private-key-file={self.folder}/sa.key", f"--cert-dir={self.folder}/certificates",
        )  # fmt: skip
        self._launch("kube-scheduler", *managed, f"--secure-port={ports[1]}", f"--cert-dir={self.folder}/certificates")
        played = ("--manage-all-nodes=true", "--node-lease-duration-seconds=40", f"--config={CACHE}/stages.yaml")
        self._launch("kwok", f"--kubeconfig={self.config}", *played)
        for number in range(NODES):
            self.apply([node(f"node-{number}")])
        self.until("all nodes are ready", lambda: self._nodes_ready() == NODES)

    def stop(self) -> None:
        for process in reversed(self._running):  # one after the other: without etcd the API server does not end
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def write_config(self, path: Path, token: str) -> Path:
        """Write a kubeconfig for the holder of a token."""
        cluster = {"server": self.url, "insecure-skip-tls-verify": True}
        content = {
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "here", "user": {"token": token}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
        }  # fmt: skip
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        path.chmod(0o600)
        return path

    def kubectl(self, *words: object, check: bool = True, given: str | None = None, config: Path | None = None) -> str:
        """Run kubectl; its standard output, or with `check` False what it printed at all."""
        command = (self._programs["kubectl"], "--kubeconfig", config or self.config, *words)
        done = run(*map(str, command), input=given)
        if check:
            assert done.returncode == 0, f"kubectl {' '.join(map(str, words))}: {done.stderr}"
            return done.stdout.strip()
        return (done.stdout + done.stderr).strip()

    def get(self, kind: str, name: str, namespace: str = "volcast") -> Manifest:
        found: Manifest = json.loads(self.kubectl("get", kind, name, "--namespace", namespace, "--output", "json"))
        return found

    def apply(self, objects: list[Manifest], *options: str, check: bool = True) -> str:
        text = yaml.safe_dump_all(objects)
        return self.kubectl("apply", "--server-side", "--validate=strict", *options, "--filename", "-", given=text, check=check)

    def pods(self, component: str, namespace: str = "volcast") -> list[Manifest]:
        """Return the pods of a component that do not end already."""
        selector = f"app.kubernetes.io/component={component}"
        text = self.kubectl("get", "pods", "--namespace", namespace, "--selector", selector, "--output", "json")
        return [each for each in json.loads(text)["items"] if "deletionTimestamp" not in each["metadata"]]

    def ready(self, component: str, namespace: str = "volcast") -> int:
        return sum(
            condition["type"] == "Ready" and condition["status"] == "True"
            for pod in self.pods(component, namespace)
            for condition in pod["status"].get("conditions", ())
        )

    def until(self, what: str, condition: Callable[[], Any]) -> None:
        deadline_s = time.monotonic() + LIMIT_S
        while not condition():
            ended = [process.args for process in self._running if process.poll() is not None]
            assert not ended, f"ended: {ended}; see {self.folder}/*.log"
            assert time.monotonic() < deadline_s, f"after {LIMIT_S:.0f} s still not: {what}"
            time.sleep(0.25)

    def _launch(self, name: str, *options: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self._running.append(subprocess.Popen([self._programs[name], *options], stdout=log, stderr=log, cwd=self.folder))

    def _until_answers(self, url: str) -> None:
        def answers() -> bool:
            try:
                with urlopen(url, timeout=2):  # noqa: S310  # http, as given above
                    return True
            except (URLError, OSError):
                return False

        self.until(f"{url} answers", answers)

    def _nodes_ready(self) -> int:
        nodes = json.loads(self.kubectl("get", "nodes", "--output", "json"))["items"]
        return sum(
            condition["type"] == "Ready" and condition["status"] == "True"
            for each in nodes
            for condition in each.get("status", {}).get("conditions", ())
        )


def node(name: str) -> Manifest:
    """Return a node for kwok to play, in a zone of its own."""
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{name}", "type": "kwok"}
    metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]
