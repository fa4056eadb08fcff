"""A bounded queue of records in front of the log. Live candles never wait for the log; only a backfill waits for room."""

import asyncio
from collections import deque
from collections.abc import Iterable

from volcast.log.contract import Appender, KeyValue, Unavailable

MAX_RECORDS = 20_000
_BACKFILL_RECORDS = 2_000
"""A backfill waits while the queue is longer than this."""


class AppendQueue:
    """Records in their order, and the task (`run`) that appends them to the log."""

    def __init__(self, appender: Appender, append_records: int) -> None:
        """`append_records` is the largest number of records in one append."""
        self._appender, self._append_records = appender, append_records
        self._records: deque[KeyValue] = deque()
        self._shortened = asyncio.Condition()
        self._not_empty = asyncio.Event()

    def __len__(self) -> int:
        return len(self._records)

    def put(self, records: Iterable[KeyValue]) -> None:
        """Add records at the end, without waiting.

        Raises Unavailable if the queue has grown over `MAX_RECORDS`: the log has not kept up for a long time. The producer then
        starts anew, and asks the venue again for what was not written.
        """
        self._records.extend(records)
        if len(self._records) > MAX_RECORDS:
            raise Unavailable(f"the log does not keep up: {len(self._records)} records wait for it")
        if self._records:
            self._not_empty.set()

    async def wait_for_room(self) -> None:
        """Return once the queue is short enough for another page of candles."""
        async with self._shortened:
            await self._shortened.wait_for(lambda: len(self._records) <= _BACKFILL_RECORDS)

    async def run(self) -> None:
        """Append the records until cancelled.

        Raises what the appender raises. It is then unknown how much of the last append has reached the log.
        """
        while True:
            await self._not_empty.wait()
            batch = [self._records[index] for index in range(min(len(self._records), self._append_records))]
            await self._appender.append(batch)
            for _ in batch:
                self._records.popleft()
            if not self._records:
                self._not_empty.clear()
            async with self._shortened:
                self._shortened.notify_all()
