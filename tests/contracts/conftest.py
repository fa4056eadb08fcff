"""The logs that the contract's tests run on: SQLite in memory and in a file, one that is traced, Kafka, and the simulated log."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import time_ns

import pytest
from opentelemetry.sdk.trace import TracerProvider

from tests.contracts.log_worker import OpenLog
from volcast.log.contract import Log
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.log.traced.log import SignalContexts, TracedLog
from volcast.proof.simulated_log.broker import SimulatedBroker
from volcast.proof.simulated_log.log import SimulatedLog


@pytest.fixture(params=["sqlite-memory", "sqlite-file", "traced", "kafka", "simulated"])
async def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLog]:
    """A function that opens a log. All logs that one test opens with it have the same data."""
    if request.param == "kafka":
        bootstrap, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")
        yield lambda: KafkaLog(bootstrap, prefix=prefix, partitions=3, session_timeout_ms=6_000)
    elif request.param == "sqlite-file":
        yield lambda: SqliteLog(tmp_path / "log.db")
    elif request.param == "traced":
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
        yield lambda: TracedLog(SqliteLog(tmp_path / "log.db"), tracer, SignalContexts(), time_ns)
    elif request.param == "simulated":
        broker = SimulatedBroker(3)
        yield lambda: SimulatedLog(broker)
    else:
        async with SqliteLog(":memory:") as memory:  # its data exists while it is open
            yield lambda: memory


@pytest.fixture
async def log(open_log: OpenLog) -> AsyncIterator[Log]:
    async with open_log() as opened:
        yield opened
