"""What every object store does: a folder, SeaweedFS and moto. All of the archive rests on `create`."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.lifecycle.servers import S3Server
from volcast.lifecycle.archive.bucket import BucketStore, S3Access, s3_access
from volcast.lifecycle.archive.store import ObjectStore, StoreError, StoreUnavailable, open_store

OpenStore = Callable[[], ObjectStore]


@pytest.fixture(params=["folder", *(pytest.param(name, marks=pytest.mark.slow) for name in ("seaweedfs", "moto"))])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """A function that opens the same store, as each process does for itself."""
    if request.param == "folder":
        return lambda: open_store((tmp_path / "a folder").as_uri())
    server: S3Server = request.getfixturevalue(request.param)
    root = f"s3://volcast/{uuid4().hex}"
    return lambda: open_store(root, server.environment())


@pytest.fixture
def store(open_one: OpenStore) -> ObjectStore:
    return open_one()


def test_an_object_is_created_once(store: ObjectStore) -> None:
    assert store.create("commits/1.json", b"one")
    assert not store.create("commits/1.json", b"two")
    assert store.create("commits/1.json", b"one"), "a repetition of a write whose answer was lost"
    assert store.read("commits/1.json") == b"one"


def test_of_many_writers_one_succeeds(open_one: OpenStore) -> None:
    for round_ in range(5):
        won, barrier = list[int](), threading.Barrier(8)

        def race(number: int, round_: int = round_, won: list[int] = won, barrier: threading.Barrier = barrier) -> None:
            own = open_one()
            barrier.wait()
            if own.create(f"race/{round_}", b"writer %d" % number):
                won.append(number)

        threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [b"writer %d" % number for number in won] == [open_one().read(f"race/{round_}")]


def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    for look in (store.read, store.head):
        with pytest.raises(FileNotFoundError):
            look("commits/1.json")
    assert store.list_after("commits") == []
    store.delete(["commits/1.json"])


def test_a_list_is_sorted_and_goes_on_after_a_name(store: ObjectStore) -> None:
    names = [f"commits/{number:012}.json" for number in range(25)]
    for name in reversed(names):
        store.create(name, name.encode())
    store.create("commits-of-another", b"")
    store.create("data/candles/symbol=A.B/day=2025-11-05/1.parquet", b"12345")
    assert [each.name for each in store.list_after("commits")] == names
    assert [each.name for each in store.list_after("commits", names[21])] == names[22:]
    assert store.list_after("commits", names[-1]) == []
    (found,) = store.list_after("data")
    assert found == store.head(found.name)
    assert (found.name, found.size) == ("data/candles/symbol=A.B/day=2025-11-05/1.parquet", 5)
    assert found.modified_ms > 1_700_000_000_000


def test_any_bytes_and_a_large_object(store: ObjectStore) -> None:
    data = bytes(range(256)) * 40_000
    assert store.create("large", data)
    assert store.create("empty", b"")
    assert (store.read("large"), store.read("empty")) == (data, b"")


def test_what_is_deleted_can_be_created_again(store: ObjectStore) -> None:
    store.create("a", b"1")
    store.create("b", b"2")
    store.delete(["a", "b", "not there"])
    assert [store.create("a", b"3"), store.read("a")] == [True, b"3"]
    store.delete([])


def test_a_folder_holds_no_halves(tmp_path: Path) -> None:
    """What a killed writer leaves under another name is not listed; who may read it, the umask says."""
    store = open_store(str(tmp_path / "archive"))
    store.create("commits/1.json", b"one")
    (tmp_path / "archive/commits/.abc.tmp").write_bytes(b"ha")
    assert [each.name for each in store.list_after("")] == ["commits/1.json"]
    os.umask(umask := os.umask(0o077))
    assert stat.S_IMODE((tmp_path / "archive/commits/1.json").stat().st_mode) == 0o666 & ~umask


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_store(str(tmp_path / "file"))
    with pytest.raises(StoreError, match="cannot be written"):
        store.create("commits/1.json", b"one")
    with pytest.raises(StoreError, match="Not a directory"):
        store.read("commits/1.json")


@pytest.mark.parametrize("root", ["", "http://host/x", "file://host/x", "s3://", "s3:///prefix", "file://relative"])
def test_another_root_is_refused(root: str) -> None:
    with pytest.raises(StoreError, match=r"names no archive|names no bucket"):
        open_store(root, {})


@pytest.mark.slow
def test_a_wrong_secret_is_refused_and_never_shown(seaweedfs: S3Server) -> None:
    store = open_store("s3://volcast/x", seaweedfs.environment() | {"AWS_SECRET_ACCESS_KEY": "very-wrong-secret"})
    for attempt in (lambda: store.create("a", b""), lambda: store.read("a"), lambda: store.list_after("")):
        with pytest.raises(StoreError, match="refuses the key minioadmin") as refused:
            attempt()
        assert "very-wrong-secret" not in str(refused.value)
    assert "very-wrong-secret" not in repr(store.__dict__["_access"])


@pytest.mark.slow
def test_minio_variables_name_the_same_server(seaweedfs: S3Server) -> None:
    root = f"s3://volcast/{uuid4().hex}"
    open_store(root, seaweedfs.environment()).create("a", b"1")
    assert open_store(root, seaweedfs.minio_environment()).read("a") == b"1"


@pytest.mark.slow
def test_a_missing_bucket_is_named(moto: S3Server) -> None:
    with pytest.raises(StoreError, match=r"there is no bucket nowhere at http://127.*: create it first"):
        open_store("s3://nowhere/x", moto.environment()).create("a", b"")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    access = S3Access("http://127.0.0.1:9", "us-east-1", "key", "very-secret")
    with pytest.raises(StoreUnavailable, match=r"s3://bucket/p: http://127.0.0.1:9 does not answer") as failed:
        BucketStore("bucket", "p", access).read("a")
    assert "very-secret" not in str(failed.value)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, S3Access("", "us-east-1", "", "")),
        (
            {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-central-1", "MINIO_ROOT_USER": "other"},
            S3Access("", "eu-central-1", "k", "s"),
        ),
        (
            {"MINIO_ROOT_USER": "m", "MINIO_ROOT_PASSWORD": "p", "AWS_SESSION_TOKEN": "of another"},
            S3Access("http://127.0.0.1:9000", "us-east-1", "m", "p"),
        ),
        (
            {"MINIO_ACCESS_KEY": "m", "MINIO_SECRET_KEY": "p", "MINIO_ENDPOINT": "store:9000/"},
            S3Access("http://store:9000", "us-east-1", "m", "p"),
        ),
        ({"AWS_ENDPOINT_URL": "https://a", "AWS_ENDPOINT_URL_S3": "https://b"}, S3Access("https://b", "us-east-1", "", "")),
    ],
)
def test_the_variables_say_where_and_who(environment: dict[str, str], expected: S3Access) -> None:
    assert s3_access(environment) == expected


def test_half_a_key_is_refused() -> None:
    with pytest.raises(StoreError, match="not whole"):
        open_store("s3://bucket", {"AWS_ACCESS_KEY_ID": "k"})
