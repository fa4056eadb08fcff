"""The logs of these tests: one partition in SQLite, several in the simulated log."""

from collections.abc import AsyncIterator

import pytest

from volcast.log.contract import Log
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.simulated_log.broker import SimulatedBroker
from volcast.proof.simulated_log.log import SimulatedLog


@pytest.fixture(params=["sqlite", "simulated"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    if request.param == "simulated":
        yield SimulatedLog(SimulatedBroker(3))
        return
    async with SqliteLog(":memory:") as memory:
        yield memory
