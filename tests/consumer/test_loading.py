"""Snapshots are loaded some at a time: other tasks run meanwhile, and the result is that of loading all at once."""

import asyncio
from dataclasses import replace
from sys import getrefcount

import pytest

from consumer.loading import load_all, load_in_slices
from consumer.shard import Shard
from tests.consumer.test_shard import RULES, candle_of, commit_of, records, restored_from
from volcast.log.contract import Mismatch, Restored

SYMBOLS = [f"S{number}" for number in range(30)]
MANY = replace(RULES, max_symbols=len(SYMBOLS), snapshot_records=1)
LOG = records(*(candle_of(symbol, 0) for symbol in SYMBOLS))
NEXT = records(*(candle_of(symbol, 1) for symbol in SYMBOLS), first=len(LOG) + 1)


def state() -> Restored:
    return restored_from(commit_of(Shard(MANY).process(LOG)))


async def test_other_tasks_run_while_snapshots_are_loaded() -> None:
    turns = 0

    async def heartbeat() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(heartbeat())
    await asyncio.sleep(0)
    before = turns
    symbols = await load_in_slices(MANY, state())
    beating.cancel()
    assert sorted(symbols.engines) == sorted(SYMBOLS)
    assert turns - before >= 3


async def test_the_shard_is_the_same_as_if_all_were_loaded_at_once() -> None:
    damaged = state()
    damaged.snapshots[b"S7"] = b"damaged"
    at_once, restored = Shard(MANY, damaged), replace(damaged, snapshots=dict(damaged.snapshots))
    in_slices = Shard(MANY, restored, None, await load_in_slices(MANY, restored))
    assert in_slices.state.unusable == at_once.state.unusable == {"S7": "its checksum does not match: it is damaged"}
    assert (in_slices.replay_from, in_slices.position) == (at_once.replay_from, at_once.position)
    assert commit_of(in_slices.process([*LOG, *NEXT])) == commit_of(at_once.process([*LOG, *NEXT]))


async def test_the_memory_of_each_snapshot_is_free_once_its_engine_is_loaded() -> None:
    restored = state()
    raw = bytes(bytearray(restored.snapshots.pop(b"S3")))
    before = getrefcount(raw)
    restored.snapshots[b"S3"] = raw
    symbols = await load_in_slices(MANY, restored)
    assert getrefcount(raw) == before
    assert all(key.startswith(b"@") for key in restored.snapshots)
    assert symbols.unusable == {}


def test_loading_all_at_once_leaves_the_state_as_it_is() -> None:
    restored = state()
    before = dict(restored.snapshots)
    load_all(MANY, restored)
    assert restored.snapshots == before


async def test_a_state_without_a_position_is_refused() -> None:
    with pytest.raises(Mismatch, match="the position up to which candles were answered is gone"):
        await load_in_slices(MANY, Restored(position_unknown=True))
