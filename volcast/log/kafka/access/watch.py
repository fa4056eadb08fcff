"""Watches a running process's access to its log: whether the brokers still let it in, and whether its topics still exist and have
the same number of partitions; records in one that was added would be read by nobody.

aiokafka's clients take a deleted topic and a changed password for a broker that is away: they try again for ever and report
nothing, so that a consumer without a topic looks like one that stands by. This watch asks the brokers itself. What it finds
several times in a row lasts, and the next call of the log raises it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka.admin import AIOKafkaAdminClient

from volcast.log.contract import Mismatch, Unavailable
from volcast.log.kafka.client import KafkaClient
from volcast.log.kafka.errors import translated_errors
from volcast.log.kafka.topics import check_existence

from .security import check_access

_SIGHTINGS = 4
"""So often in a row: a broker that has just started may know a user or a topic only a moment later."""


class AccessWatch:
    """Looks every `every_s` seconds, over a connection that it keeps; after a failure at once, and over a new one."""

    def __init__(self, client: KafkaClient, every_s: float = 10.0, again_s: float = 2.0) -> None:
        self._client, self._every_s, self._again_s = client, every_s, again_s
        self._admin: AIOKafkaAdminClient | None = None
        self._refusal: Mismatch | None = None
        self._failed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Raise Mismatch if the log can't be used any more."""
        if self._refusal:
            raise self._refusal

    @asynccontextmanager
    async def explained(self) -> AsyncIterator[None]:
        """Check first; if what is done inside raises Unavailable, look soon whether that lasts."""
        self.check()
        try:
            yield
        except Unavailable:
            self._failed.set()
            raise

    def start(self) -> None:
        """Begin to look, until `stop`."""
        self._refusal, self._task = None, asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._disconnect()

    async def _run(self) -> None:
        while not self._refusal:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._failed.wait()
            refusal = await self._found(anew=self._failed.is_set())
            self._failed.clear()
            for _ in range(1, _SIGHTINGS):
                if refusal:
                    await asyncio.sleep(self._again_s)
                    refusal = await self._found(anew=True)
            self._refusal = refusal

    async def _found(self, *, anew: bool) -> Mismatch | None:
        """Return what is wrong and lasts; None if nothing is, or if no broker can be asked: whoever needs one reports that."""
        try:
            if not anew:
                with suppress(Unavailable):
                    await self._look()
                    return None
            await self._disconnect()
            await check_access(self._client.bootstrap, self._client.security, self._client.timeout_s)
            await self._look()
        except Unavailable:
            pass
        except Mismatch as mismatch:
            return mismatch
        return None

    async def _look(self) -> None:
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(**self._client.connection())
            with translated_errors("connecting to Kafka"):
                async with asyncio.timeout(self._client.timeout_s):
                    await self._admin.start()
        await check_existence(self._admin, self._client)

    async def _disconnect(self) -> None:
        if self._admin:
            admin, self._admin = self._admin, None
            with suppress(OSError):
                await admin.close()
