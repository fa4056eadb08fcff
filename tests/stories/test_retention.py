"""Retention of a SQLite log, with a real worker: what is left is right, and what would need more than that is refused."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from consumer.rules import Rules
from consumer.worker import Worker
from tests.log_access import TIMEOUT_S, fill, records_of
from tests.volcast.commands.consumed_log import candles, expected, rules
from volcast.core.codec import decode_signal
from volcast.core.types import EngineConfig, Restoring, Signal
from volcast.log.contract import KeyValue, Mismatch, Topic
from volcast.log.sqlite.log import SqliteLog

MINUTES, HALF = 400, 200
SYMBOLS = ("BTCUSDT", "ETHUSDT")
CANDLES = candles(range(MINUTES), SYMBOLS)
FIRST_HALF, SECOND_HALF = CANDLES[: HALF * len(SYMBOLS)], CANDLES[HALF * len(SYMBOLS) :]
RULES = rules(snapshot_records=30)
OTHER = rules(snapshot_records=30, config=EngineConfig(window=5, rate_window=4))
SIZE_BYTES = 50_000
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volcast.log.sqlite.retention.SEGMENT_BYTES", 10_000)
    monkeypatch.setattr("volcast.log.sqlite.consumer._RETENTION_PAUSE_S", 0.0)


@asynccontextmanager
async def consuming(log: SqliteLog, under: Rules = RULES) -> AsyncIterator[Worker]:
    """Run a worker during the `with` block; if it has ended by itself, raise why."""
    worker = Worker(log, under, 20, Random(1))
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(TIMEOUT_S):
            drained = asyncio.create_task(worker.drained())
            await asyncio.wait([running, drained], return_when=asyncio.FIRST_COMPLETED)
            drained.cancel()
            if running.done():
                running.result()
        yield worker
    finally:
        running.cancel()
        await asyncio.wait([running])


async def consumed(log: SqliteLog, under: Rules = RULES) -> None:
    async with log, consuming(log, under):
        await asyncio.sleep(0.1)  # some polls in which retention goes on


async def signals_on(log: SqliteLog) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    async with log:
        for each in await records_of(log, Topic.SIGNALS):
            if isinstance(decode_signal(each.value), Signal):
                found.setdefault(each.key, []).append(each.value)
    return found


async def offsets(log: SqliteLog, topic: Topic) -> list[int]:
    async with log:
        return [each.offset for each in await records_of(log, topic)]


async def filled(log: SqliteLog, records: Sequence[KeyValue] = CANDLES) -> None:
    """Append the candles, a few at a time, so that they become several segments."""
    async with log:
        for start in range(0, len(records), 20):
            await fill(log, records[start : start + 20])


async def test_what_is_left_are_the_last_signals_of_an_undisturbed_run(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", retention_bytes=SIZE_BYTES)
    await filled(log, FIRST_HALF)
    await consumed(log)
    await filled(log, SECOND_HALF)
    await consumed(log)
    found, all_of_them = await signals_on(log), expected(CANDLES)
    for key, signals in found.items():
        assert signals == all_of_them[key][-len(signals) :]
        assert 10 < len(signals) < HALF
    left = await offsets(log, Topic.CANDLES)
    assert left == list(range(left[0], len(CANDLES) + 1))
    assert left[0] > len(FIRST_HALF)


async def test_age_counts_from_the_append(tmp_path: Path) -> None:
    """The candles are years old; those that were appended within the hour stay."""
    now_s = 2e9
    log = SqliteLog(tmp_path / "log.db", retention_ms=HOUR_MS, wall_clock=lambda: now_s)
    await filled(log, FIRST_HALF)
    await consumed(log)
    assert (await offsets(log, Topic.CANDLES))[0] == 1
    now_s += 3_700
    await filled(log, SECOND_HALF)
    await consumed(log)
    assert (await offsets(log, Topic.CANDLES))[0] == len(FIRST_HALF) + 1
    found = await signals_on(log)
    assert {key: len(signals) for key, signals in found.items()} == dict.fromkeys(found, MINUTES - HALF)


async def test_a_rebuild_that_lacks_candles_is_refused_until_it_is_allowed(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", retention_bytes=SIZE_BYTES)
    await filled(log)
    await consumed(log)
    earliest, signals = (await offsets(log, Topic.CANDLES))[0], await signals_on(log)
    with pytest.raises(Mismatch) as caught:
        await consumed(log, OTHER)
    for part in (
        str(tmp_path / "log.db"),
        "the settings have changed (window was 3 and is 5)",
        f"retention has deleted the candles below {earliest}",
        "set them back, restore a backup, or start once with --rebuild-from-earliest",
    ):
        assert part in str(caught.value)
    assert await signals_on(log) == signals
    await consumed(log)  # with the settings of before nothing is missing
    await consumed(log, replace(OTHER, rebuild_from_earliest=True))
    assert await signals_on(log) == signals
    await consumed(log, OTHER)  # now the state is complete again


async def test_a_rebuild_is_complete_although_retention_would_delete_what_it_reads(tmp_path: Path) -> None:
    """The state says that nothing below the position is needed, but a rebuild reads from the first candle on. If it is
    interrupted, the next one needs them again.
    """
    path = tmp_path / "log.db"
    await filled(SqliteLog(path))
    await consumed(SqliteLog(path))
    limited = SqliteLog(path, retention_bytes=SIZE_BYTES)
    async with limited:
        worker = Worker(limited, OTHER, 20, Random(1))
        running = asyncio.create_task(worker.run())
        async with asyncio.timeout(TIMEOUT_S):
            while not any(shard.next_offset > HALF for shard in worker.shards.values()):
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])
    assert len(await offsets(limited, Topic.CANDLES)) == len(CANDLES)
    await consumed(limited, OTHER)
    async with limited:
        notices = [decode_signal(each.value) for each in await records_of(limited, Topic.SIGNALS)]
        assert Restoring("BTCUSDT", done=True) in notices
        rebuilt = (await limited.peek())[0].snapshots
    assert 0 < len(await offsets(limited, Topic.CANDLES)) < len(CANDLES)
    whole = SqliteLog(tmp_path / "whole.db")
    await filled(whole)
    await consumed(whole, OTHER)
    async with whole:
        undisturbed = (await whole.peek())[0].snapshots
    symbols = [symbol.encode() for symbol in SYMBOLS]
    assert [rebuilt[symbol] for symbol in symbols] == [undisturbed[symbol] for symbol in symbols]
