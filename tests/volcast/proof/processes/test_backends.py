"""The backends of a proof: which faults are possible on each, and that a cut really stops writers."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.log_access import fill
from volcast.log.contract import KeyValue, Topic
from volcast.proof.processes.backends import KafkaBackend, SqliteBackend, kafka_backend
from volcast.proof.processes.broker import free_ports
from volcast.proof.processes.faults import ProcessFaultKind
from volcast.proof.processes.runtime import BrokerError
from volcast.proof.processes.watch import records_of


async def test_a_cut_file_cannot_be_written_until_the_cut_ends(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    async with backend.log as log:
        await fill(log, [KeyValue(b"A", b"1")])
        cutting = asyncio.create_task(backend.cut(3_600))
        other = sqlite3.connect(tmp_path / "log.db", timeout=0.0, isolation_level=None)
        async with asyncio.timeout(60):
            while True:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    break
                other.execute("ROLLBACK")
                await asyncio.sleep(0.001)
        other.close()
        cutting.cancel()
        await asyncio.wait([cutting])
        await fill(log, [KeyValue(b"A", b"2")])
        assert [record.value for record in await records_of(log, Topic.CANDLES)] == [b"1", b"2"]


def test_the_faults_that_are_possible_on_a_file(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    assert backend.fault_kinds == {ProcessFaultKind.PAUSE, ProcessFaultKind.PRODUCER, ProcessFaultKind.API, ProcessFaultKind.CUT}
    assert backend.limits == ""
    assert backend.arguments()[:2] == ("--bus", f"sqlite:///{tmp_path}/log.db")


async def test_a_given_broker_is_never_killed_and_is_cleaned_up(kafka_bootstrap: str, tmp_path: Path) -> None:
    async with kafka_backend(tmp_path, 2, kafka_bootstrap) as backend:
        assert backend.fault_kinds == {ProcessFaultKind.PAUSE, ProcessFaultKind.PRODUCER, ProcessFaultKind.API}
        assert backend.limits == (
            f"the broker at {kafka_bootstrap} is not ours: it was not killed, its connections not cut or delayed"
        )
        assert backend.arguments()[:2] == ("--bus", f"kafka://{kafka_bootstrap}")
        async with backend.log as log:
            await fill(log, [KeyValue(b"A", b"1")])
        await backend.clean_up()
        async with backend.log as log:  # it creates the topics again
            assert await records_of(log, Topic.CANDLES) == []
        await backend.clean_up()


async def test_a_given_broker_that_does_not_respond_is_an_error() -> None:
    (port,) = free_ports(1)
    with pytest.raises(BrokerError, match=rf"no Kafka broker responds at KAFKA_BOOTSTRAP=127.0.0.1:{port}: start it, or unset"):
        await KafkaBackend(f"127.0.0.1:{port}", 2).connect(timeout_s=0.2)
