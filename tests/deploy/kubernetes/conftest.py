"""One control plane for all tests that need one: it takes its time to start."""

from collections.abc import Iterator

import pytest

from tests.deploy.kubernetes.cluster import Cluster
from tests.deploy.kubernetes.tools import PLAIN


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane on which deploy/k8s has been applied."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        cluster.kubectl("apply", "--server-side", "--validate=strict", "--filename", PLAIN)
        yield cluster
    finally:
        cluster.stop()
