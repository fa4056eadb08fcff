"""A process that promotes without end, and says so after each promotion: it can be killed in the middle of one."""

import asyncio
import sys

from volcast.log.contract import KeyValue, Log
from volcast.log.kafka.log import KafkaLog
from volcast.log.sqlite.log import SqliteLog

MARKER = KeyValue(b"@promotion", b"from then on")


def open_log(place: str, prefix: str = "") -> Log:
    """Return the log in a file; with a prefix, the one on the brokers at `place`."""
    if prefix:
        return KafkaLog(place, prefix=prefix, partitions=3, session_timeout_ms=6_000)
    return SqliteLog(place)


async def work(log: Log) -> None:
    async with log, log.appender("models") as appender:
        while True:
            await appender.promote(KeyValue(b"000001", b"who, when and why"), MARKER)
            print("promoted", flush=True)  # noqa: T201  # the test reads it


if __name__ == "__main__":
    asyncio.run(work(open_log(*sys.argv[1:])))
