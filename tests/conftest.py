"""Fixtures that many tests ask for, and the marks `slow` and `packages`. The processes of pytest-xdist share a broker; each test
has its own topics.
"""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings

from tests.order import in_order
from volcast.cli.main import stale_module
from volcast.proof.processes.broker import bootstrap
from volcast.proof.processes.runtime import BrokerError

settings.register_profile("volcast", deadline=None)  # a busy machine is no failure
settings.load_profile("volcast")

SLOW_PLACES = (
    "stories",
    "lifecycle",
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
PACKAGE_PLACES = (
    "stories/test_wheel.py",
    "deploy/test_batch_image.py",
    "deploy/test_sbom.py",
    "examples/test_ccxt_bot.py",
    "examples/test_freqtrade.py",
    "examples/test_nautilus.py",
    "bench/test_environment.py",
)
"""Tests here install packages into environments or an image of their own; `make test-packages` runs them, `make test` not."""

BROKER = pytest.StashKey[str | None]()
"""The address of the broker of all processes, None if none could be started."""


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Mark the slow tests and those of packages, by which `-m` chooses, and then order those that were chosen."""
    tests = Path(__file__).parent
    slow, packages = ({tests / place for place in places} for places in (SLOW_PLACES, PACKAGE_PLACES))
    for item in items:
        above = {item.path, *item.path.parents}
        if slow & above or "kafka_bootstrap" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
        if packages & above:
            item.add_marker("packages")
    yield
    items[:] = in_order(items, lambda item: item.path, tests, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Start the broker of all processes with the first of them, where all tests run: one costs less than one for each."""
    config: pytest.Config = node.config
    if config.option.markexpr == "not packages" and BROKER not in config.stash:
        brokers = ExitStack()
        config.add_cleanup(brokers.close)
        config.stash[BROKER] = None
        with suppress(BrokerError):  # the tests that ask for it will say so
            config.stash[BROKER] = brokers.enter_context(bootstrap())
    node.workerinput["kafka_bootstrap"] = config.stash.get(BROKER, None)


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    """`host:port` of a real broker; where none can be had, the tests that ask for it fail."""
    with ExitStack() as brokers:
        given: str | None = getattr(request.config, "workerinput", {}).get("kafka_bootstrap")
        yield given or brokers.enter_context(bootstrap())


@pytest.fixture
def kafka_prefix() -> str:
    """A prefix of all topics, groups and ids of this test."""
    return f"test-{uuid4().hex[:12]}."
