"""The servers of the long loop's tests: one that speaks S3, and MLflow's. Each is a real one, on a free port of 127.0.0.1.

The S3 server is SeaweedFS, where deploy/lifecycle-tools.sh has built it; else moto's, which keeps objects in memory, and it says
so. MLflow and moto run in environments of their own (deploy/lifecycle/), which are made on demand and kept in the user's cache.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import obstore
import platformdirs
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from bench.environment import python_with_locked
from volcast.proof.processes.broker import free_ports

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
KEY, SECRET = "minioadmin", "minioadmin"  # MinIO's own first ones; the server exists only during a test
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "DVC_NO_ANALYTICS": "1"}
"""Environment variables with which no library reports what it is used for."""
WHOLE = pytest.mark.skipif("TEST_LIFECYCLE" not in os.environ, reason="left to make test-lifecycle, as it takes minutes")
"""The mark of tests that `make test` leaves out."""
_START_TIMEOUT_S = 90.0
_END_TIMEOUT_S = 15.0
_POLL_S = 0.1


class ServerError(Exception):
    """A server has ended or does not answer; the message has the end of its log."""


@dataclass(frozen=True)
class S3Server:
    """A running server. `kind` is `SeaweedFS` or `moto`."""

    url: str
    kind: str

    def environment(self) -> dict[str, str]:
        """Return the variables by which AWS's libraries, and ours, find it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ALLOW_HTTP": "true",
        }

    def minio_environment(self) -> dict[str, str]:
        """Return the same as the variables that MinIO's users have."""
        return {"MINIO_ENDPOINT": self.url, "MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET}

    def store(self, bucket: str, *, secret: str = SECRET) -> S3Store:
        """Return a client of one bucket, which gives up quickly."""
        return S3Store(
            bucket,
            endpoint=self.url,
            access_key_id=KEY,
            secret_access_key=secret,
            region=REGION,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )

    def create_bucket(self, bucket: str) -> None:
        """Create it, and wait until it takes objects. Raises ServerError if it does not."""
        if self.kind == "moto":  # SeaweedFS creates a bucket with its first object
            httpx.put(f"{self.url}/{bucket}").raise_for_status()
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                obstore.put(self.store(bucket), "ready", b"", mode="create")
                obstore.delete(self.store(bucket), "ready")
            except BaseError as error:
                if time.monotonic() > deadline_s:
                    raise ServerError(f"the S3 server at {self.url} takes no objects: {error}") from None
                time.sleep(_POLL_S)
            else:
                return


def seaweedfs() -> Path | None:
    """Return the program that deploy/lifecycle-tools.sh builds; None if it has not been built."""
    script = (ROOT / "deploy/lifecycle-tools.sh").read_text(encoding="utf-8")
    found = re.search(r"^version=(\S+)", script, re.MULTILINE)
    assert found
    program = platformdirs.user_cache_path("volcast") / f"seaweedfs-{found[1]}" / "weed"
    return program if program.exists() else None


@contextmanager
def s3_server(folder: Path, *, bucket: str = "volcast", moto: bool = False) -> Iterator[S3Server]:
    """Run a server with one bucket while the `with` lasts, its files in `folder`. With `moto` it is that one in any case.

    Raises ServerError if it does not start, InstallError if there is neither SeaweedFS nor a network to install moto by.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = None if moto else seaweedfs()
    if program is None and not moto:
        sys.stderr.write("SeaweedFS is not built here (deploy/lifecycle-tools.sh): the S3 server is moto's\n")
    ports = free_ports(8)
    server = S3Server(f"http://127.0.0.1:{ports[0]}", "SeaweedFS" if program else "moto")
    command = _seaweedfs_command(program, folder, ports) if program else _moto_command(ports[0])
    with running(command, folder, "s3.log") as process:
        _wait(process, folder / "s3.log", server.url)
        server.create_bucket(bucket)
        yield server


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Run MLflow's tracking server on a SQLite file in `folder` while the `with` lasts; give its URL. Raises as `s3_server`."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    python = python_with_locked(ROOT / "deploy/lifecycle/requirements-mlflow.txt")
    command = [str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts")]
    url = f"http://127.0.0.1:{port}"
    with running(command, folder, "mlflow.log", {"PATH": f"{python.parent}:{os.environ['PATH']}"}) as process:
        _wait(process, folder / "mlflow.log", f"{url}/health")
        yield url


@contextmanager
def running(
    command: list[str], folder: Path, log: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process and its children in `folder` while the `with` lasts; what they say goes to the file `log` there."""
    with (folder / log).open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | QUIET | dict(environment or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_TIMEOUT_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)  # its children, and itself if it has not ended
        process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path, url: str) -> None:
    """Wait until the server answers, whatever it answers."""
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(url).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return
        if process.poll() is not None or time.monotonic() > deadline_s:
            said = log.read_text(encoding="utf-8", errors="replace")[-4000:]
            raise ServerError(f"the server at {url} does not answer; its log:\n{said}")
        time.sleep(_POLL_S)


def _moto_command(port: int) -> list[str]:
    python = python_with_locked(ROOT / "deploy/lifecycle/requirements-moto.txt")
    return [str(python.parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]


def _seaweedfs_command(program: Path, folder: Path, ports: list[int]) -> list[str]:
    """All ports are given, since a gRPC port is otherwise the other one + 10000; nothing is reported to its makers."""
    identity = {"name": "volcast", "credentials": [{"accessKey": KEY, "secretKey": SECRET}]}
    identity["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    s3, master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = ports
    return [
        *(str(program), "-logtostderr=true", "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-master.telemetry=false", f"-master.port={master}", f"-master.port.grpc={master_grpc}"),
        *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", "-master.volumeSizeLimitMB=64", "-volume.max=16"),
        *("-filer", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", f"-filer.localSocket={folder}/filer.sock"),
        *("-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-s3.localSocket={folder}/s3.sock", f"-s3.config={folder}/s3.json"),
    ]


def prepare() -> None:
    """Make the environments that the tests of the long loop need, those that are not there yet."""
    for name in ("airflow", "dvc", "mlflow", *(() if seaweedfs() else ("moto",))):
        python_with_locked(ROOT / f"deploy/lifecycle/requirements-{name}.txt")


if __name__ == "__main__":
    prepare()
