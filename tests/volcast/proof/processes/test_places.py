"""Where a proof takes place: what can be done there, and that a connection is really broken."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.log_ends import fill
from volcast.log.contract import KeyValue, Topic
from volcast.proof.processes.broker import BrokerError, free_ports
from volcast.proof.processes.faults import ProcessFaultKind
from volcast.proof.processes.places import KafkaBackend, SqliteBackend, kafka_backend
from volcast.proof.processes.watch import records_of


async def test_nobody_writes_to_a_file_that_is_cut_off(tmp_path: Path) -> None:
    place = SqliteBackend(tmp_path)
    async with place.log as log:
        await fill(log, [KeyValue(b"A", b"1")])
        cutting = asyncio.create_task(place.cut(3_600))
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


def test_what_can_be_done_on_a_file(tmp_path: Path) -> None:
    place = SqliteBackend(tmp_path)
    assert place.kinds == {ProcessFaultKind.PAUSE, ProcessFaultKind.PRODUCER, ProcessFaultKind.API, ProcessFaultKind.CUT}
    assert place.limits == ""
    assert place.arguments()[:2] == ("--bus", f"sqlite:///{tmp_path}/log.db")


async def test_a_broker_of_others_is_left_alone_and_left_clean(kafka_bootstrap: str, tmp_path: Path) -> None:
    async with kafka_backend(tmp_path, 2, kafka_bootstrap) as place:
        assert place.kinds == {ProcessFaultKind.PAUSE, ProcessFaultKind.PRODUCER, ProcessFaultKind.API}
        assert place.limits == f"the broker at {kafka_bootstrap} is not ours: neither it nor the connection to it was broken"
        assert place.arguments()[:2] == ("--bus", f"kafka://{kafka_bootstrap}")
        async with place.log as log:
            await fill(log, [KeyValue(b"A", b"1")])
        await place.tidy()
        async with place.log as log:  # it makes them anew
            assert await records_of(log, Topic.CANDLES) == []
        await place.tidy()


async def test_no_broker_where_one_was_given() -> None:
    (port,) = free_ports(1)
    with pytest.raises(BrokerError, match=rf"no Kafka broker answers at KAFKA_BOOTSTRAP=127.0.0.1:{port}: start it, or unset"):
        await KafkaBackend(f"127.0.0.1:{port}", 2).reached(within_s=0.2)
