"""The S3 servers of the archive's tests: one of each kind for all of them, as a start takes seconds."""

from collections.abc import Iterator

import pytest

from tests.lifecycle.servers import S3Server, s3_server


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS, where it has been built; else moto, which says so."""
    with s3_server(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("moto"), moto=True) as server:
        yield server
