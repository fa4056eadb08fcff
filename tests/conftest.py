"""What tests ask for by name. The broker is one for the whole run; each test has topics of its own."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from volcast.proof.processes.broker import bootstrap


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """`host:port` of a real broker; where none can be had, whoever asks for it fails."""
    with bootstrap() as address:
        yield address


@pytest.fixture
def kafka_prefix() -> str:
    """Stands before all topics, groups and ids of this test."""
    return f"test-{uuid4().hex[:12]}."
