"""The contract of a promotion: a record on `models` and a marker in each partition of `candles`, all of them or none."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.contracts.log_worker import OpenLog, Worker, append, pairs, values
from tests.flaky_log import Fault, FlakyLog
from tests.log_access import TIMEOUT_S, records_of
from volcast.log.contract import Fenced, KeyValue, Log, Record, Topic, Unavailable

RECORD, MARKER = KeyValue(b"000001", b"who, when and why"), KeyValue(b"@promotion", b"from then on")
KILLS = 6


async def markers(log: Log) -> dict[int, list[int]]:
    """Return the offsets of the markers by partition, and look at each."""
    found: dict[int, list[int]] = {}
    for record in await records_of(log, Topic.CANDLES):
        if record.key == MARKER.key:
            assert record.value == MARKER.value
            found.setdefault(record.partition, []).append(record.offset)
    return found


async def test_each_partition_gets_the_marker_between_what_was_appended_before_and_after(log: Log) -> None:
    await append(log, *pairs("A1", "B1", "C1", "D1", "E1"))
    async with log.appender("models") as appender:
        offsets = await appender.promote(RECORD, MARKER)
    await append(log, *pairs("A2", "B2", "C2", "D2", "E2"))
    assert await markers(log) == {partition: [offset] for partition, offset in offsets.items()}
    assert set(offsets) == set(await log.peek())
    for record in await records_of(log, Topic.CANDLES):
        if record.key != MARKER.key:
            assert (record.offset < offsets[record.partition]) is (record.value == b"1")


async def test_the_records_of_models_are_in_one_partition_in_the_order_of_their_writing(log: Log) -> None:
    ids = [b"%06d" % number for number in range(1, 8)]
    async with log.appender("models") as appender:
        for each in ids:
            await appender.promote(KeyValue(each, b"of " + each), MARKER)
    found = await records_of(log, Topic.MODELS)
    assert [(record.partition, record.key, record.value) for record in found] == [(0, each, b"of " + each) for each in ids]
    assert {len(offsets) for offsets in (await markers(log)).values()} == {len(ids)}


async def test_a_log_without_a_promotion_has_no_record_on_models(log: Log) -> None:
    await append(log, *pairs("A1"))
    assert await records_of(log, Topic.MODELS) == []


async def test_a_consumer_reads_the_marker_at_its_place(log: Log) -> None:
    await append(log, *pairs("A1"))
    async with log.appender("models") as appender:
        offsets = await appender.promote(RECORD, MARKER)
    await append(log, *pairs("A2"))
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
        records = [each for each in await worker.polled(2 + len(offsets)) if each.partition == log.partition_of(b"A")]
    assert [record.value for record in records] == [b"1", MARKER.value, b"2"]


async def test_of_two_promotions_at_once_the_one_that_was_opened_first_is_fenced_and_writes_nothing(log: Log) -> None:
    async with log.appender("models") as first, log.appender("models") as second:
        with pytest.raises(Fenced):
            await first.promote(RECORD, MARKER)
        await second.promote(KeyValue(b"000001", b"the second"), MARKER)
    assert [record.value for record in await records_of(log, Topic.MODELS)] == [b"the second"]
    assert {len(offsets) for offsets in (await markers(log)).values()} == {1}


async def test_a_producer_goes_on_after_a_promotion(log: Log) -> None:
    async with log.appender("candles") as producer, log.appender("models") as operator:
        await producer.append(pairs("A1"))
        await operator.promote(RECORD, MARKER)
        await producer.append(pairs("A2"))
    assert values(await records_of(log, Topic.CANDLES)) == [b"1", b"2"]


async def test_a_reader_sees_a_promotion_that_comes_while_it_reads(log: Log) -> None:
    async with log.reader(Topic.MODELS) as reader:
        async with asyncio.timeout(TIMEOUT_S):
            while not reader.caught_up:
                assert await reader.read(10, 0.05) == []
        async with log.appender("models") as appender:
            await appender.promote(RECORD, MARKER)
        found: list[Record] = []
        async with asyncio.timeout(TIMEOUT_S):
            while not found:
                found = list(await reader.read(10, 0.2))
    assert [(record.key, record.value) for record in found] == [RECORD]


@pytest.mark.parametrize(("fault", "written"), [(Fault.LOST, 0), (Fault.UNANSWERED, 1)])
async def test_after_a_promotion_without_a_response_models_tells_whether_it_was_written(
    log: Log, fault: Fault, written: int
) -> None:
    async with FlakyLog(log, appends={0: fault}).appender("models") as appender:
        with pytest.raises(Unavailable):
            await appender.promote(RECORD, MARKER)
    assert len(await records_of(log, Topic.MODELS)) == written
    assert {len(offsets) for offsets in (await markers(log)).values()} == ({1} if written else set())


@pytest.fixture(params=["sqlite", "kafka"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[OpenLog, list[str]]:
    """A log that outlives its processes, and the arguments with which the promoter's process opens it."""
    from tests.volcast.log.promoter_process import open_log  # noqa: PLC0415  # the module is a program, too

    if request.param == "kafka":
        arguments = [request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")]
    else:
        arguments = [str(tmp_path / "log.db")]
    opening: Callable[[], Log] = lambda: open_log(*arguments)  # noqa: E731  # its type is stated
    return opening, arguments


async def test_a_promoter_that_is_killed_leaves_as_many_markers_in_each_partition_as_records_on_models(
    durable: tuple[OpenLog, list[str]],
) -> None:
    """The process promotes as fast as it can, and is killed at random moments."""
    opening, arguments = durable
    chance = Random(19)
    acknowledged = 0
    for _ in range(KILLS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.volcast.log.promoter_process", *arguments, stdout=PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(TIMEOUT_S):
            for _ in range(chance.randint(1, 5)):
                assert await process.stdout.readline() == b"promoted\n"
                acknowledged += 1
        await asyncio.sleep(chance.uniform(0.0, 0.02))
        process.send_signal(signal.SIGKILL)
        rest, _ = await process.communicate()
        acknowledged += rest.count(b"promoted\n")
    async with opening() as log, log.appender("models") as appender:  # ends what the last process left open
        await appender.promote(RECORD, MARKER)
        found = await records_of(log, Topic.MODELS)
        counts = {partition: len(offsets) for partition, offsets in (await markers(log)).items()}
    assert acknowledged + 1 <= len(found) <= acknowledged + 1 + KILLS
    assert counts == dict.fromkeys(counts, len(found))
