"""After a stop in good order, the next start replays nothing: on each log, and whenever the stop comes."""

import asyncio
from random import Random

import pytest

from consumer.shard import Shard
from tests.contracts.log_worker import OpenLog
from tests.log_access import TIMEOUT_S, fill, records_of
from tests.volcast.commands.consumed_log import SYMBOLS, candles, consuming, expected, rules
from volcast.log.contract import Topic


async def records_to_replay(open_log: OpenLog) -> int:
    """Return how many records a new consumer of the log must read again."""
    async with open_log() as log:
        shards = [Shard(rules(), restored) for restored in (await log.peek()).values()]
    assert sum(len(shard.engines) for shard in shards) == len(SYMBOLS)
    return sum(shard.position - shard.replay_from for shard in shards)


async def test_nothing_is_replayed_after_a_stop(open_log: OpenLog) -> None:
    async with open_log() as log:
        await fill(log, candles(range(20)))
        async with consuming(log) as worker, asyncio.timeout(TIMEOUT_S):
            await worker.drained()
    assert await records_to_replay(open_log) == 0
    async with open_log() as log:
        await fill(log, candles(range(20, 25)))
        async with consuming(log) as worker, asyncio.timeout(TIMEOUT_S):
            await worker.drained()
        signals = [record.value for record in await records_of(log, Topic.SIGNALS) if record.key == b"ETHUSDT"]
    assert signals == expected(candles(range(25)))[b"ETHUSDT"]


@pytest.mark.parametrize("open_log", ["sqlite-file", "simulated"], indirect=True)
async def test_nothing_is_replayed_after_a_stop_amid_the_work(open_log: OpenLog) -> None:
    random = Random(1)
    async with open_log() as log:
        await fill(log, candles(range(60)))
        async with consuming(log) as worker:
            while not worker.shards or any(shard.position < 60 for shard in worker.shards.values()):
                await asyncio.sleep(0)
    for _ in range(10):
        assert await records_to_replay(open_log) == 0
        async with open_log() as log:
            await fill(log, candles(range(60, 61)))
            async with consuming(log):
                for _ in range(random.randrange(60)):
                    await asyncio.sleep(0)
