"""What is to be written, in order, and the task that writes it: live candles never wait for the log, only a backfill does."""

import asyncio
from collections import deque
from collections.abc import Iterable

from volcast.log.contract import Appender, KeyValue, Unavailable

MAX_RECORDS = 20_000
_ROOM_RECORDS = 2_000


class AppendQueue:
    """A bounded queue in front of an appender."""

    def __init__(self, appender: Appender, append_records: int) -> None:
        self._appender, self._append_records = appender, append_records
        self._records: deque[KeyValue] = deque()
        self._changed = asyncio.Condition()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._records)

    def put(self, records: Iterable[KeyValue]) -> None:
        """Raises Unavailable where the log has not kept up for a long time: what is not written will be asked for again."""
        self._records.extend(records)
        if len(self._records) > MAX_RECORDS:
            raise Unavailable(f"the log does not keep up: {len(self._records)} records wait for it")
        if self._records:
            self._filled.set()

    async def room(self) -> None:
        """Return when there is place for a page of candles."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._records) <= _ROOM_RECORDS)

    async def run(self) -> None:
        """Write, until cancelled. Raises what the appender raises: then nobody knows how much of the last append arrived."""
        while True:
            await self._filled.wait()
            batch = [self._records[index] for index in range(min(len(self._records), self._append_records))]
            await self._appender.append(batch)
            for _ in batch:
                self._records.popleft()
            if not self._records:
                self._filled.clear()
            async with self._changed:
                self._changed.notify_all()
