"""Reads all signals from the log into the view, from the first one on and for as long as the API runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from random import Random

from volcast.core.codec import UNDECODABLE, decode_signal
from volcast.log.contract import Log, Topic
from volcast.log.retry import while_unavailable

from .view import View

_READ_RECORDS = 1_000
_IDLE_READ_S = 0.25
_log = logging.getLogger(__name__)


class Follower:
    """Keeps one view up to date, without a consumer group. A signal may be read twice: the view does not change by it."""

    def __init__(self, log: Log, view: View, now: Callable[[], float] = time.monotonic) -> None:
        self._log, self._view, self._now = log, view, now
        self._empty_read = asyncio.Condition()

    async def run(self) -> None:
        """Run until cancelled; while the log is unavailable, wait for it. Raises LogError if only a person can help."""
        await while_unavailable("api", self._attempt, Random())  # noqa: S311  # no secret: jitter

    async def drained(self) -> None:
        """Return once every signal that was on the log at the time of the call is in the view."""
        async with self._empty_read:
            for _ in range(2):  # the first empty read may have begun before the call
                await self._empty_read.wait()

    async def _attempt(self) -> None:
        async with self._log.reader(Topic.SIGNALS) as reader:
            while True:
                records = await reader.read(_READ_RECORDS, _IDLE_READ_S)
                arrived_s = self._now()
                for record in records:
                    try:
                        self._view.put(decode_signal(record.value), arrived_s)
                    except UNDECODABLE as error:
                        where = {"partition": record.partition, "offset": record.offset}
                        _log.error("a record of the topic signals cannot be decoded and is skipped: %s", error, extra=where)
                self._view.caught_up = reader.caught_up
                if not records:
                    async with self._empty_read:
                        self._empty_read.notify_all()
