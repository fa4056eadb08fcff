"""The audit and the league of an archive on an S3 server, whose clock says when something was sealed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lifecycle.servers import S3Server, s3_server
from tests.volcast.lifecycle.track_record.archived import MINUTES, SYMBOLS, batches, write
from volcast.lifecycle.archive.layout import commit_name
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.archive.store import ObjectStore, open_store
from volcast.lifecycle.track_record.audit import audit_archive
from volcast.lifecycle.track_record.league import league


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def copied(server: S3Server, tmp_path: Path) -> tuple[Path, ObjectStore]:
    """An archive in a folder, and a copy of it in a bucket."""
    folder = write(tmp_path / "a", batches())
    store = open_store(f"s3://volcast/{tmp_path.name}", server.environment())
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        assert store.create(path.relative_to(folder).as_posix(), path.read_bytes())
    return folder, store


def test_a_copy_has_the_same_findings_but_for_the_times(copied: tuple[Path, ObjectStore]) -> None:
    """What was copied today was sealed today, as far as the server knows: all of these old forecasts are late."""
    folder, store = copied
    here, there = audit_archive(open_store(folder.as_uri())), audit_archive(store)
    assert there.problems == []
    assert (there.head, there.files, there.rows, there.seals) == (here.head, here.files, here.rows, here.seals)
    assert there.scores == here.scores
    assert here.forecasts.in_time > 0
    assert (there.forecasts.in_time, there.forecasts.late) == (0, len(SYMBOLS) * MINUTES)
    assert league(Archive(store)) == league(Archive(folder.as_uri()))


def test_an_object_that_was_replaced_is_found(copied: tuple[Path, ObjectStore]) -> None:
    folder, store = copied
    head = audit_archive(store).head
    name = commit_name(4)
    store.delete([name])
    assert store.create(name, (folder / name).read_bytes().replace(b'"nonce":"3"', b'"nonce":"4"'))
    [problem] = audit_archive(store, anchors=[head]).problems
    assert "history was cut or written anew" in problem.what
