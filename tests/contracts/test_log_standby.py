"""The contract of a consumer that follows partitions of others and takes them over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest

from tests.contracts.log_worker import OpenLog, Worker, append, pairs, values
from tests.log_access import TIMEOUT_S, records_of
from volcast.log.contract import Commit, Consumer, Fenced, Log, Record, Restored, Topic, Unavailable
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog
from volcast.log.standby import Followed, Owner, StandbyConsumer
from volcast.proof.simulated_log.broker import SimulatedBroker
from volcast.proof.simulated_log.group import Group
from volcast.proof.simulated_log.log import SimulatedLog
from volcast.proof.simulated_log.standby import SimulatedStandbyConsumer


@pytest.fixture(params=["sqlite-file", "kafka", "simulated"])
async def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLog]:
    """A function that opens a log whose consumers follow."""
    if request.param == "kafka":
        bootstrap, prefix = request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("kafka_prefix")
        yield lambda: KafkaLog(bootstrap, prefix=prefix, partitions=1, session_timeout_ms=6_000, standby=True)
    elif request.param == "sqlite-file":
        yield lambda: SqliteLog(tmp_path / "log.db", standby=True)
    else:
        broker, group = SimulatedBroker(1), Group(1)
        names = iter("ab")
        yield lambda: SimulatedLog(broker, group, None, next(names), SimulatedStandbyConsumer)


@asynccontextmanager
async def standby_of(log: Log) -> AsyncIterator[StandbyConsumer]:
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                with suppress(Unavailable):  # a broker may still be loading its groups
                    consumer = await stack.enter_async_context(log.consumer())
                    break
        yield cast("StandbyConsumer", consumer)


async def started(consumer: Consumer) -> None:
    """Open the only partition, and read it from the start."""
    async with asyncio.timeout(TIMEOUT_S):
        while not await consumer.assignment():
            await consumer.poll(1, 0.05)
    await consumer.open(0)
    await consumer.seek(0, 0)


async def news(standby: StandbyConsumer, position: int) -> Followed:
    """Poll until the commit up to `position` has come, and the candles that it answers."""
    found = Followed([], [])
    async with asyncio.timeout(TIMEOUT_S):
        while not (found.commits and found.commits[-1].position >= position and reaches(found.candles, position)):
            await standby.poll(10, 0.05)
            more = (await standby.poll_followed(10)).get(0, Followed([], []))
            found = Followed([*found.candles, *more.candles], [*found.commits, *more.commits])
    return found


def reaches(candles: Sequence[Record], position: int) -> bool:
    return bool(candles) and candles[-1].offset >= position - 1


async def test_what_the_owner_commits_is_followed(open_log: OpenLog) -> None:
    async with open_log() as log, open_log() as other, standby_of(log) as owner, standby_of(other) as standby:
        await append(log, *pairs("A1", "A2", "A3"))
        await started(owner)
        worker = Worker(owner)
        first, second, _ = await worker.polled(3)
        await owner.commit(0, Commit(first.offset + 1, pairs("A10"), [], pairs("Aone"), first.offset))
        assert await standby.follow(0) == Restored(first.offset + 1, {b"A": b"one"}, first.offset)
        await standby.seek(0, first.offset)
        await owner.commit(0, Commit(second.offset + 1, pairs("A20"), [], pairs("Atwo", "Bnew")))
        found = await news(standby, second.offset + 1)
        assert values(found.candles) == [b"1", b"2"]
        assert dict(found.commits[-1].values) == {b"A": b"two", b"B": b"new"}
        assert (owner.owner(0), standby.owner(0)) == (Owner.SELF, Owner.ALIVE)


async def test_a_takeover_fences_the_owner_and_returns_what_was_not_polled(open_log: OpenLog) -> None:
    async with open_log() as log, open_log() as other, standby_of(log) as owner, standby_of(other) as standby:
        await append(log, *pairs("A1", "A2", "A3"))
        await started(owner)
        first, second, third = await Worker(owner).polled(3)
        await owner.commit(0, Commit(first.offset + 1, pairs("A10"), [], pairs("Aone")))
        await standby.follow(0)
        await standby.seek(0, first.offset + 1)
        await owner.commit(0, Commit(second.offset + 1, pairs("A20"), [], pairs("Atwo")))
        rest = await standby.take_over(0)
        assert values(rest.candles) == [b"2"]
        assert [(each.position, dict(each.values)) for each in rest.commits] == [(second.offset + 1, {b"A": b"two"})]
        with pytest.raises(Fenced):
            await owner.commit(0, Commit(third.offset + 1, pairs("A31")))
        await owner.close(0)
        await standby.seek(0, second.offset + 1)
        assert values(await Worker(standby).polled(1)) == [b"3"]
        await standby.commit(0, Commit(third.offset + 1, pairs("A30"), [], pairs("Athree")))
        assert values(await records_of(log, Topic.SIGNALS)) == [b"10", b"20", b"30"]
        assert owner.owner(0) is not Owner.SELF


async def test_an_owner_that_has_left_is_gone(open_log: OpenLog) -> None:
    async with open_log() as log, open_log() as other, standby_of(other) as standby:
        await append(log, *pairs("A1"))
        async with standby_of(log) as owner:
            await owner.open(0)
            await owner.seek(0, 0)
            (record,) = await Worker(owner).polled(1)
            await owner.commit(0, Commit(record.offset + 1, pairs("A10"), [], pairs("Aone")))
            await standby.follow(0)
            await standby.seek(0, record.offset + 1)
            await standby.poll(10, 0.3)
            assert standby.owner(0) is not Owner.SELF
        async with asyncio.timeout(TIMEOUT_S):
            while standby.owner(0) is not Owner.GONE:
                await standby.assignment()
                await standby.poll(10, 0.05)


async def test_nothing_is_polled_of_a_partition_that_is_followed_no_longer(open_log: OpenLog) -> None:
    async with open_log() as log, open_log() as other, standby_of(log) as owner, standby_of(other) as standby:
        await append(log, *pairs("A1"))
        await started(owner)
        (record,) = await Worker(owner).polled(1)
        await standby.follow(0)
        for _ in range(2):  # the second call finds it unfollowed
            standby.unfollow(0)
        await owner.commit(0, Commit(record.offset + 1, pairs("A10"), [], pairs("Aone")))
        await standby.poll(10, 0.3)
        assert await standby.poll_followed(10) == {}
