"""What the archive rests on: of several who create an object, one does. And MLflow's server keeps what it is told."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import obstore
import pytest
import yaml
from obstore.exceptions import AlreadyExistsError, BaseError

from tests.lifecycle.servers import ROOT, WHOLE, S3Server, mlflow_server, running, s3_server, seaweedfs
from volcast.proof.processes.broker import free_ports

pytestmark = WHOLE
WRITERS, RACES = 8, 5


@pytest.fixture(scope="module", params=["SeaweedFS", "moto"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if request.param == "SeaweedFS" and seaweedfs() is None:
        pytest.skip("SeaweedFS is not built, so it is not tested: run deploy/lifecycle-tools.sh once")
    with s3_server(tmp_path_factory.mktemp("s3"), moto=request.param == "moto") as running:
        assert running.kind == request.param
        yield running


def test_of_several_who_create_an_object_one_does(server: S3Server) -> None:
    store = server.store("volcast")

    def create(writer: int, race: int) -> bool:
        try:
            obstore.put(store, f"race/{race}", str(writer).encode(), mode="create")
        except AlreadyExistsError:
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        for race in range(RACES):
            won = list(pool.map(create, range(WRITERS), [race] * WRITERS))
            assert sum(won) == 1
            assert bytes(obstore.get(store, f"race/{race}").bytes()) == str(won.index(True)).encode()


def test_names_come_in_order_from_a_given_one_on(server: S3Server) -> None:
    store = server.store("volcast")
    for number in range(12):
        obstore.put(store, f"commits/{number:04}.json", b"{}")
    found = [each["path"] for batch in obstore.list(store, prefix="commits", offset="commits/0003.json") for each in batch]
    assert found == [f"commits/{number:04}.json" for number in range(4, 12)]


def test_a_large_object_and_a_part_of_it(server: S3Server) -> None:
    store, content = server.store("volcast"), bytes(range(256)) * 40_000
    obstore.put(store, "large", content, use_multipart=True, chunk_size=5 << 20)
    assert bytes(obstore.get(store, "large").bytes()) == content
    assert bytes(obstore.get_range(store, "large", start=300, end=310)) == content[300:310]


def test_another_secret_is_refused(server: S3Server) -> None:
    if server.kind == "moto":
        pytest.skip("moto's server takes any secret")
    with pytest.raises((BaseError, PermissionError)):
        obstore.put(server.store("volcast", secret="another"), "x", b"")


def test_the_server_of_the_containers_takes_its_keys(tmp_path: Path) -> None:
    """SeaweedFS with the command and the environment of deploy/compose/lifecycle.yml, but on free ports of this machine."""
    if (program := seaweedfs()) is None:
        pytest.skip("SeaweedFS is not built, so it is not tested: run deploy/lifecycle-tools.sh once")
    service = yaml.safe_load((ROOT / "deploy/compose/lifecycle.yml").read_text(encoding="utf-8"))["services"]["s3"]
    names = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port")
    ports = dict(zip((*names, "filer.port.grpc"), free_ports(8), strict=True))
    here = {"dir": str(tmp_path), "ip": "127.0.0.1", "ip.bind": "127.0.0.1"} | ports
    here |= {"filer.localSocket": f"{tmp_path}/filer.sock", "s3.localSocket": f"{tmp_path}/s3.sock"}
    command = [str(program), *service["command"], *(f"-{name}={value}" for name, value in here.items())]  # the last one counts
    keys = {name: re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value) for name, value in service["environment"].items()}
    server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", "SeaweedFS")
    with running(command, tmp_path, "s3.log", keys):
        server.create_bucket("volcast")
        with pytest.raises((BaseError, PermissionError)):
            obstore.put(server.store("volcast", secret="another"), "x", b"")


def test_mlflow_keeps_an_experiment(tmp_path: Path) -> None:
    with mlflow_server(tmp_path) as url:
        httpx.post(f"{url}/api/2.0/mlflow/experiments/create", json={"name": "night"}).raise_for_status()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as kept:
        assert ("night",) in kept.execute("select name from experiments").fetchall()
