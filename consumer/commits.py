"""Commits on their way: at most one of each partition, while the worker reads and processes what follows.

    poll ─► process ─► commit ────────────────► answered
               poll ─► process ─► (waits) ────► commit ─► …

A shard is ahead of the log by what its commit on the way has, and by what was processed since. If the commit fails, all of it is
dropped with the shard. So the next commit of a partition is never begun before the answer to the one before.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from .stopping import COMMIT_S, finish


class CommitsOnTheWay:
    """The commits of a worker that are not known to be written, by partition."""

    def __init__(self) -> None:
        self._writing: dict[int, asyncio.Task[None]] = {}

    def begin(self, partition: int, commit: Coroutine[Any, Any, None]) -> None:
        """Begin to write a commit; the one before must have ended."""
        self._writing[partition] = asyncio.create_task(commit)

    async def go_on(self) -> None:
        """Let the commits go on; returns at once if there are none. Call it often while records are processed."""
        if self._writing:
            await asyncio.sleep(0)

    def partitions(self, *, ended: bool = False) -> list[int]:
        """Return the partitions with a commit on its way; with `ended`, those whose outcome is known."""
        return [partition for partition, task in self._writing.items() if task.done() or not ended]

    async def end(self, partition: int) -> None:
        """Wait for the commit of a partition, if there is one, and forget it.

        Raises what the commit raises; CancelledError if its outcome is not known. A caller that is cancelled meanwhile gets the
        outcome, and the cancellation at its next await.
        """
        if task := self._writing.pop(partition, None):
            await finish(task)

    async def wait(self) -> None:
        """Wait for a while for all commits, before a stop; the outcome is still to be asked for."""
        if self._writing:
            await asyncio.wait(self._writing.values(), timeout=COMMIT_S)

    async def abandon(self) -> None:
        """Give up all commits: it will be known from the log which were written."""
        writing = list(self._writing.values())
        self._writing.clear()
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
