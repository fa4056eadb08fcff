"""How a SQLite log is polled: rarely while nothing comes, and at once after a write of the same process."""

import asyncio
from pathlib import Path

from tests.log_access import TIMEOUT_S, fill, opened, records_of
from volcast.log.contract import KeyValue, Record, Topic
from volcast.log.sqlite.log import SqliteLog

ONE = KeyValue(b"BTCUSDT", b"one")
NEVER_S = 1_000.0


async def test_a_write_of_the_same_process_is_read_at_once() -> None:
    async with SqliteLog(":memory:", poll_s=NEVER_S) as log, log.consumer() as consumer, log.reader(Topic.CANDLES) as reader:
        await opened(consumer)
        for offset in range(1, 6):
            waiting = (reader.read(10, NEVER_S), consumer.poll(10, NEVER_S))
            async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as tasks:
                read, polled = (tasks.create_task(each) for each in waiting)
                await asyncio.sleep(0.01)  # so that both are waiting, most of the time
                await fill(log, [ONE])
            assert read.result() == [Record(0, offset, *ONE)]
            assert polled.result() == {0: [Record(0, offset, *ONE)]}


async def test_an_idle_log_is_polled_less_and_less(tmp_path: Path) -> None:
    statements: list[str] = []
    async with SqliteLog(tmp_path / "log.db") as log, log.reader(Topic.CANDLES) as reader:
        await log.database.read(lambda db: db.set_trace_callback(statements.append))
        for _ in range(6):  # under load there are fewer polls
            assert await reader.read(10, 0.25) == []
        polls = [each for each in statements if each.startswith("SELECT")]
        assert 6 <= len(polls) < 15
        await fill(log, [ONE])
        assert len(await reader.read(10, 0.0)) == 1
        assert len(await records_of(log, Topic.CANDLES)) == 1
