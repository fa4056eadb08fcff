"""The contract of a log's appenders and readers. The tests run on each log that conftest.py opens."""

import asyncio

import pytest

from tests.contracts.log_worker import append, pairs, values
from tests.log_access import TIMEOUT_S, anything, records_of
from volcast.log.contract import Fenced, KeyValue, Log, Mismatch, Reader, Record, Topic


async def test_records_of_a_key_keep_their_order(log: Log) -> None:
    await append(log, *pairs("A1", "B1", "A2"))
    await append(log, *pairs("B2", "A3"))
    records = await records_of(log, Topic.CANDLES)
    assert values(records) == [b"1", b"2", b"3"]
    assert values(records, b"B") == [b"1", b"2"]
    assert len({record.partition for record in records if record.key == b"A"}) == 1


async def test_offsets_increase_within_a_partition(log: Log) -> None:
    for _ in range(3):
        await append(log, *pairs("A1", "A2"))
    offsets = [record.offset for record in await records_of(log, Topic.CANDLES)]
    assert offsets == sorted(set(offsets))


async def test_any_bytes_are_stored_unchanged(log: Log) -> None:
    record = KeyValue(b"A", bytes(range(256)) * 800)
    await append(log, record, KeyValue(b"A", b"\x00"))
    assert values(await records_of(log, Topic.CANDLES)) == [record.value, b"\x00"]


async def test_an_empty_append_writes_nothing(log: Log) -> None:
    await append(log)
    assert await records_of(log, Topic.CANDLES) == []


async def test_last_returns_the_last_matching_record_of_a_key(log: Log) -> None:
    async with log.appender("test") as appender:
        assert await appender.last(b"A", anything) is None
        await appender.append(pairs("A1", "B1", "A2", "B2", "B3"))
        last = await appender.last(b"A", anything)
        assert last is not None
        assert (last.key, last.value) == (b"A", b"2")
        assert await appender.last(b"C", anything) is None
        first = await appender.last(b"A", lambda value: value == b"1")
        assert first is not None
        assert first.value == b"1"
        assert await appender.last(b"A", lambda value: value == b"3") is None


async def test_last_finds_a_record_far_back(log: Log) -> None:
    async with log.appender("test") as appender:
        await appender.append(pairs("A1"))
        for _ in range(6):
            await appender.append([KeyValue(key, b"x") for key in (b"B", b"C", b"D", b"E") for _ in range(400)])
        last = await appender.last(b"A", anything)
        assert last is not None
        assert last.value == b"1"


async def test_latest_returns_the_last_records_of_a_key_oldest_first(log: Log) -> None:
    assert await log.latest(Topic.CANDLES, b"A", 3) == []
    await append(log, *pairs("A1", "B1", "A2", "B2", "A3", "B3", "B4"))
    assert values(await log.latest(Topic.CANDLES, b"A", 2)) == [b"2", b"3"]
    assert values(await log.latest(Topic.CANDLES, b"A", 9)) == [b"1", b"2", b"3"]
    assert await log.latest(Topic.CANDLES, b"C", 2) == []
    assert await log.latest(Topic.SIGNALS, b"A", 2) == []


async def test_latest_finds_records_far_back(log: Log) -> None:
    await append(log, *pairs("A1", "A2"))
    for _ in range(6):
        await append(log, *[KeyValue(key, b"x") for key in (b"B", b"C", b"D", b"E") for _ in range(400)])
    assert values(await log.latest(Topic.CANDLES, b"A", 5)) == [b"1", b"2"]


async def test_keys_are_those_of_the_topic(log: Log) -> None:
    assert await log.keys(Topic.CANDLES) == []
    await append(log, *pairs("B1", "A1", "C1", "A2"))
    assert await log.keys(Topic.CANDLES) == [b"A", b"B", b"C"]
    assert await log.keys(Topic.SIGNALS) == []


async def test_last_asks_newest_first_and_asks_no_more_after_a_match(log: Log) -> None:
    """A caller may gather what it needs on the way. A broker sends as many records as these in several batches."""
    asked: list[bytes] = []

    def is_enough(value: bytes) -> bool:
        asked.append(value)
        return value == b"20"

    async with log.appender("test") as appender:
        for own in range(100):
            await appender.append([KeyValue(b"A", b"%d" % own), *[KeyValue(b"B", b"x" * 4_000)] * 40])
        await appender.append([KeyValue(b"B", b"x" * 4_000)] * 1_000)
        found = await appender.last(b"A", is_enough)
    assert found is not None
    assert found.value == b"20"
    assert asked == [b"%d" % own for own in range(99, 19, -1)]


async def test_a_second_appender_of_a_name_fences_the_first(log: Log) -> None:
    async with log.appender("same") as first:
        await first.append(pairs("A1"))
        async with log.appender("same") as second:
            with pytest.raises(Fenced):
                await first.append(pairs("A2"))
            await second.append(pairs("A3"))
    assert values(await records_of(log, Topic.CANDLES)) == [b"1", b"3"]


async def test_appenders_of_different_names_do_not_fence_each_other(log: Log) -> None:
    async with log.appender("one") as first, log.appender("two") as second:
        await first.append(pairs("A1"))
        await second.append(pairs("B1"))
        await first.append(pairs("A2"))
    assert values(await records_of(log, Topic.CANDLES)) == [b"1", b"2"]


async def test_a_key_is_in_the_partition_that_partition_of_returns(log: Log) -> None:
    await append(log, *pairs("A1", "B1", "C1", "D1", "E1", "A2"))
    for record in await records_of(log, Topic.CANDLES):
        assert record.partition == log.partition_of(record.key)


async def test_a_reader_returns_records_appended_after_it_was_opened(log: Log) -> None:
    async with log.reader(Topic.CANDLES) as reader:
        async with asyncio.timeout(TIMEOUT_S):
            while not reader.caught_up:
                assert await reader.read(10, 0.05) == []
        await append(log, *pairs("A1"))
        await append(log, *pairs("A2"))
        records: list[Record] = []
        async with asyncio.timeout(TIMEOUT_S):
            while len(records) < 2:
                records += await reader.read(1, 0.2)
        assert values(records) == [b"1", b"2"]


async def read_up(reader: Reader) -> list[Record]:
    records: list[Record] = []
    async with asyncio.timeout(TIMEOUT_S):
        while not reader.caught_up:
            records += await reader.read(2, 0.2)
    return records


async def test_a_reader_goes_on_where_another_one_has_ended(log: Log) -> None:
    """Wherever it has ended: between two appends, where Kafka has the marker of a transaction, or in the middle of one."""
    await append(log, *pairs("A1", "B1", "A2"))
    await append(log, *pairs("C1", "A3"))
    async with log.reader(Topic.CANDLES) as reader:
        all_records = await read_up(reader)
        ends = reader.positions
    assert len(all_records) == 5
    for count in range(6):
        start = {record.partition: record.offset + 1 for record in all_records[:count]}
        async with log.reader(Topic.CANDLES, start) as reader:
            rest = await read_up(reader)
            assert reader.positions == ends
        assert sorted(rest, key=record_place) == sorted(all_records[count:], key=record_place)


def record_place(record: Record) -> tuple[int, int]:
    return record.partition, record.offset


async def test_a_reader_that_starts_at_the_end_returns_what_comes_later(log: Log) -> None:
    await append(log, *pairs("A1", "B1"))
    async with log.reader(Topic.CANDLES) as reader:
        await read_up(reader)
        ends = reader.positions
    async with log.reader(Topic.CANDLES, ends) as reader:
        assert await read_up(reader) == []
        await append(log, *pairs("B2"))
        async with asyncio.timeout(TIMEOUT_S):
            while not (records := await reader.read(10, 0.2)):
                pass
    assert values(records, b"B") == [b"2"]


async def test_a_position_names_the_next_record(log: Log) -> None:
    """What is below it has been returned, and what has been returned is below it, after each read."""
    await append(log, *pairs("A1", "B1", "A2", "C1"))
    async with log.reader(Topic.CANDLES) as reader:
        begins = await reader.begins()
        assert set(begins) == set(reader.positions)
        assert all(reader.positions[number] >= begin for number, begin in begins.items())
        while not reader.caught_up:
            for record in await reader.read(1, 0.2):
                assert begins[record.partition] <= record.offset < reader.positions[record.partition]


async def test_the_ends_are_those_of_now(log: Log) -> None:
    """Reading from there on returns what is appended later, and nothing else."""
    await append(log, *pairs("A1", "B1", "C1", "D1"))
    async with log.reader(Topic.CANDLES) as reader:
        records = await read_up(reader)
        before = await reader.ends()
        assert all(record.offset < before[record.partition] for record in records)
        assert set(before) == set(reader.positions)
        await append(log, *pairs("A2", "B2", "C2", "D2"))
        after = await reader.ends()
        assert all(after[number] >= before[number] for number in before)
        assert after != before
    async with log.reader(Topic.CANDLES, before) as reader:
        assert sorted(record.value for record in await read_up(reader)) == [b"2"] * 4


async def test_a_reader_does_not_start_beyond_the_end(log: Log) -> None:
    """The offsets are those of another log: the records up to there would be missing for ever."""
    await append(log, *pairs("A1"))
    async with log.reader(Topic.CANDLES) as reader:
        await read_up(reader)
        ends = reader.positions
    partition = log.partition_of(b"A")
    with pytest.raises(Mismatch, match=f"was to go on at {ends[partition] + 5}, but it ends at"):
        async with log.reader(Topic.CANDLES, {partition: ends[partition] + 5}):
            pass


async def test_caught_up_is_false_until_all_records_are_read(log: Log) -> None:
    await append(log, *pairs(*(f"A{i}" for i in range(50))))
    async with log.reader(Topic.CANDLES) as reader:
        seen = 0
        async with asyncio.timeout(TIMEOUT_S):
            while not reader.caught_up:
                seen += len(await reader.read(7, 0.2))
        assert seen == 50
