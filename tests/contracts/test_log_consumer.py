"""The contract of a log's consumers: open, seek, poll, commit, and what a restart restores."""

import asyncio
from dataclasses import replace

import pytest

from tests.contracts.log_worker import OpenLog, Worker, append, pairs, values
from tests.log_access import TIMEOUT_S, records_of
from volcast.log.contract import Commit, Fenced, KeyValue, Log, Restored, Topic


async def test_a_new_log_restores_an_empty_state(log: Log) -> None:
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
    assert {(restored.position, len(restored.snapshots)) for restored in worker.restored.values()} == {(0, 0)}


async def test_a_commit_is_restored_after_a_restart(open_log: OpenLog) -> None:
    async with open_log() as log:
        await append(log, *pairs("A1", "A2", "A3", "A4"))
        async with log.consumer() as consumer:
            first, second, *_ = await (await Worker(consumer).start()).polled(4, max_records=2)
            await consumer.commit(first.partition, Commit(first.offset + 1, pairs("A10"), [], pairs("Aold", "Bgone")))
            await consumer.commit(first.partition, Commit(second.offset + 1, pairs("A20"), pairs("Abad"), pairs("Anew")))
    async with open_log() as log:
        async with log.consumer() as consumer:
            worker = await Worker(consumer).start()
            restored = worker.restored[first.partition]
            assert restored == Restored(second.offset + 1, {b"A": b"new", b"B": b"gone"}, second.offset + 1)
            assert values(await worker.polled(2)) == [b"3", b"4"]
        assert values(await records_of(log, Topic.SIGNALS)) == [b"10", b"20"]
        assert values(await records_of(log, Topic.REJECTED)) == [b"bad"]


async def test_uncommitted_candles_are_polled_again(log: Log) -> None:
    await append(log, *pairs("A1", "A2"))
    for _ in range(2):
        async with log.consumer() as consumer:
            assert values(await (await Worker(consumer).start()).polled(2)) == [b"1", b"2"]


async def test_a_partition_is_not_polled_before_it_is_opened(log: Log) -> None:
    await append(log, *pairs("A1"))
    async with log.consumer() as consumer:
        async with asyncio.timeout(TIMEOUT_S):
            while not await consumer.assignment():
                assert await consumer.poll(10, 0.05) == {}
        for _ in range(5):
            assert await consumer.poll(10, 0.05) == {}


async def test_a_partition_is_not_polled_between_open_and_seek(log: Log) -> None:
    await append(log, *pairs("A1"))
    partition = log.partition_of(b"A")
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
        assert values(await worker.polled(1)) == [b"1"]
        restored = await consumer.open(partition)  # opened again: the former read position is void
        await append(log, *pairs("A2"))
        for _ in range(5):
            assert partition not in await consumer.poll(10, 0.05)
        await consumer.seek(partition, restored.position)
        assert values(await worker.polled(2)) == [b"1", b"2"]


async def test_seek_works_in_both_directions(log: Log) -> None:
    await append(log, *pairs("A1", "A2", "A3"))
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
        first, _, third = await worker.polled(3)
        for offset, expected in ((first.offset, [b"1", b"2", b"3"]), (third.offset, [b"3"]), (0, [b"1", b"2", b"3"])):
            await consumer.seek(first.partition, offset)
            assert values(await worker.polled(len(expected))) == expected


async def test_the_end_is_after_the_last_candle(log: Log) -> None:
    partition = log.partition_of(b"A")
    async with log.consumer() as consumer:
        await Worker(consumer).start()
        assert await consumer.end(partition) == 0
        await append(log, *pairs("A1", "A2"))
        (*_, last) = [record for record in await records_of(log, Topic.CANDLES) if record.key == b"A"]
        end = await consumer.end(partition)
        assert end > last.offset
        await append(log, *pairs("A3"))
        async with asyncio.timeout(TIMEOUT_S):
            while await consumer.end(partition) == end:  # committed records are readable only a moment later
                await asyncio.sleep(0.01)


async def test_the_position_reaches_the_end(log: Log) -> None:
    """Otherwise a wait for `position` to reach `end` never ends; the marker of the last transaction may lie in between."""
    await append(log, *pairs("A1", "A2"))
    async with log.consumer() as consumer:
        *_, last = await (await Worker(consumer).start()).polled(2)
        assert await consumer.end(last.partition) - (last.offset + 1) in (0, 1)


async def test_a_closed_partition_is_not_polled(log: Log) -> None:
    await append(log, *pairs("A1"))
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
        (record,) = await worker.polled(1)
        for _ in range(2):  # the second call finds it closed
            await consumer.close(record.partition)
        await append(log, *pairs("A2"))
        assert record.partition not in await consumer.poll(10, 0.3)
        await consumer.seek(record.partition, (await consumer.open(record.partition)).position)
        assert values(await worker.polled(2)) == [b"1", b"2"]


async def test_opening_a_partition_fences_its_former_owner(open_log: OpenLog) -> None:
    async with open_log() as log, open_log() as other, log.consumer() as first:
        await append(log, *pairs("A1"))
        (record,) = await (await Worker(first).start()).polled(1)
        async with other.consumer() as second:
            await second.open(record.partition)
            with pytest.raises(Fenced):
                await first.commit(record.partition, Commit(record.offset + 1, pairs("Afirst"), pairs("Afirst"), pairs("Afirst")))
            await second.commit(record.partition, Commit(record.offset + 1, pairs("Asecond"), [], pairs("Asecond")))
        assert values(await records_of(log, Topic.SIGNALS)) == [b"second"]
        assert values(await records_of(log, Topic.REJECTED)) == []
        await first.close(record.partition)
        assert await first.open(record.partition) == Restored(record.offset + 1, {b"A": b"second"}, record.offset + 1)


async def test_a_commit_to_a_closed_partition_is_refused(log: Log) -> None:
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
        partition = min(worker.restored)
        await consumer.close(partition)
        with pytest.raises(Fenced, match="not open"):
            await consumer.commit(partition, Commit(0, pairs("A1")))
    assert await records_of(log, Topic.SIGNALS) == []


async def test_replay_from_is_restored_after_a_restart(open_log: OpenLog) -> None:
    async with open_log() as log:
        await append(log, *pairs("A1", "A2", "A3"))
        async with log.consumer() as consumer:
            first, second, third = await (await Worker(consumer).start()).polled(3)
            partition = first.partition
            await consumer.commit(partition, Commit(third.offset, pairs("A10", "A20"), [], pairs("Aone"), second.offset))
    async with open_log() as log, log.consumer() as consumer:
        worker = await Worker(consumer).start()
        restored = worker.restored[partition]
        assert restored == Restored(third.offset, {b"A": b"one"}, second.offset)
        assert values(await worker.polled(1)) == [b"3"]
        await consumer.seek(partition, restored.replay_from)
        assert values(await worker.polled(2)) == [b"2", b"3"]
        await consumer.commit(partition, Commit(third.offset + 1, pairs("A30"), [], pairs("Athree")))
        restored = await consumer.open(partition)
        assert restored == Restored(third.offset + 1, {b"A": b"three"}, third.offset + 1)


async def test_all_candles_from_earliest_on_can_be_read(log: Log) -> None:
    await append(log, *pairs("A1", "A2"))
    async with log.consumer() as consumer:
        worker = await Worker(consumer).start()
        *_, last = await worker.polled(2)
        await consumer.commit(last.partition, Commit(last.offset + 1, pairs("A10", "A20")))
        restored = await consumer.open(last.partition)
        assert restored.earliest <= restored.replay_from
        await consumer.seek(last.partition, restored.earliest)
        assert values(await worker.polled(2)) == [b"1", b"2"]


async def test_peek_returns_what_open_returns_without_fencing(open_log: OpenLog) -> None:
    async with open_log() as log, open_log() as other, log.consumer() as consumer:
        await append(log, *pairs("A1", "A2"))
        worker = await Worker(consumer).start()
        assert await other.peek() == worker.restored
        first, second = await worker.polled(2)
        await consumer.commit(first.partition, Commit(second.offset, pairs("A10"), [], pairs("Aone"), first.offset))
        assert (await other.peek())[first.partition] == Restored(second.offset, {b"A": b"one"}, first.offset)
        await consumer.commit(first.partition, Commit(second.offset + 1, pairs("A20"), [], pairs("Atwo")))
        peeked = await other.peek()
        assert peeked == worker.restored | {first.partition: await consumer.open(first.partition)}
        keys = await other.peek(keys_only=True)
        assert keys == {number: replace(each, snapshots=dict.fromkeys(each.snapshots, b"")) for number, each in peeked.items()}


async def test_a_large_commit_is_written_completely(log: Log) -> None:
    await append(log, *pairs("A1"))
    signals = [KeyValue(b"A", b"%d" % i + b"." * 600) for i in range(5_000)]
    snapshot = KeyValue(b"A", bytes(200_000))
    async with log.consumer() as consumer:
        (record,) = await (await Worker(consumer).start()).polled(1)
        await consumer.commit(record.partition, Commit(record.offset + 1, signals, [], [snapshot]))
        await consumer.close(record.partition)
        assert (await consumer.open(record.partition)).snapshots == {b"A": snapshot.value}
    assert values(await records_of(log, Topic.SIGNALS)) == [signal.value for signal in signals]


async def test_an_empty_snapshot_deletes_its_key(log: Log) -> None:
    await append(log, *pairs("A1"))
    async with log.consumer() as consumer:
        (record,) = await (await Worker(consumer).start()).polled(1)
        await consumer.commit(record.partition, Commit(0, [], [], pairs("A1", "B2")))
        await consumer.commit(record.partition, Commit(0, [], [], pairs("A")))
        await consumer.close(record.partition)
        assert await consumer.open(record.partition) == Restored(0, {b"B": b"2"}, 0)
