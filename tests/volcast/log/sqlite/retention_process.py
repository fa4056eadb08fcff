"""A process that appends, answers and deletes candles as fast as it can, until it is killed."""

import asyncio
import sys

from tests.log_access import fill, opened, polled
from volcast.log.contract import Commit, KeyValue
from volcast.log.sqlite import consumer as consumer_module
from volcast.log.sqlite import retention
from volcast.log.sqlite.log import SqliteLog

_BATCH = 5
_RECORDS = [KeyValue(b"A", b"x" * 700)] * _BATCH


async def work(path: str) -> None:
    """Each commit answers each candle with a signal and a reject; snapshots lag a little behind."""
    retention.SEGMENT_BYTES, consumer_module._RETENTION_PAUSE_S = 2_000, 0.0
    async with SqliteLog(path, retention_bytes=10_000) as log, log.consumer() as consumer:
        while not await consumer.assignment():
            await asyncio.sleep(0.01)
        position = (await opened(consumer)).position or 1
        while True:
            await fill(log, _RECORDS)
            records = await polled(consumer, 1)
            position = records[-1].offset + 1
            outputs = [KeyValue(b"A", b"y" * 900)] * len(records)
            snapshot = [KeyValue(b"A", b"z" * 5_000)]
            await consumer.commit(0, Commit(position, outputs, outputs, snapshot, replay_from=max(position - 20, 0)))
            print(position, flush=True)  # noqa: T201  # the test reads it


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
