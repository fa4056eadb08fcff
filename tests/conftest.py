"""Fixtures that many tests ask for, and the mark `slow`. The broker is one for each process of pytest-xdist; each test
has its own topics.
"""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings

from tests.order import in_order
from volcast.cli.main import stale_module
from volcast.proof.processes.broker import bootstrap

settings.register_profile("volcast", deadline=None)  # a busy machine is no failure
settings.load_profile("volcast")

SLOW_PLACES = (
    "stories",
    "bench",
    "deploy",
    "monitoring",
    "page",
    "contracts",
    "volcast/commands",
    "volcast/proof",
    "volcast/log/kafka",
    "volcast/simulation",
    "producer/live",
    "producer/doctor",
    "volcast/core/estimators/test_covariance.py",
    "volcast/core/test_rolling_real_minutes.py",
)
"""Tests here start processes, brokers or browsers, play hours of simulated time, or learn from years of data."""


def pytest_configure() -> None:
    """Refuse to test a compiled core that is not the source's."""
    if stale := stale_module():
        raise pytest.UsageError(stale)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: what is collected stays to the end, and no later search looks at it again."""
    gc.disable()
    collected = yield
    gc.enable()
    gc.freeze()
    return collected


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(settings: Any) -> Generator[None, object, object]:
    """Repeat the alarm of a timeout until the test has ended.

    What it raises is an exception of whatever runs just then. A task of asyncio keeps it to itself, and what cleans up after the
    first alarm may hang as well.
    """
    result = yield
    if settings.method == "signal":
        signal.setitimer(signal.ITIMER_REAL, settings.timeout, min(settings.timeout, 10.0))
    return result


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, which `make test-quick` leaves out, and order all of them."""
    tests = Path(__file__).parent
    places = tuple(tests / place for place in SLOW_PLACES)
    items[:] = in_order(items, lambda item: item.path, tests, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    for item in items:
        asks_for_a_broker = "kafka_bootstrap" in getattr(item, "fixturenames", ())
        if asks_for_a_broker or any(item.path.is_relative_to(place) for place in places):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """`host:port` of a real broker; where none can be had, the tests that ask for it fail."""
    with bootstrap() as address:
        yield address


@pytest.fixture
def kafka_prefix() -> str:
    """A prefix of all topics, groups and ids of this test."""
    return f"test-{uuid4().hex[:12]}."
