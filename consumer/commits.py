"""Commits on their way: at most one of each partition, while the worker reads and processes what follows.

    poll ─► process ─► commit ────────────────► answered
               poll ─► process ─► (waits) ────► commit ─► …

A shard is ahead of the log by what its commit on the way has, and by what was processed since. If the commit fails, all of it is
dropped with the shard. So the next commit of a partition is never begun before the answer to the one before. A stop in good order
waits for the commits on their way, and writes all snapshots, so that a restart replays nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from volcast.log.contract import Commit, Consumer, Fenced, Unavailable

from .shard import Shard
from .stats import WorkerStats

_COMMIT_S = 5.0
"""How long a stop waits for the commit that is being written."""
_SNAPSHOTS_S = 5.0
"""How long a stop waits for some snapshots. While they are written in that time it goes on, as thousands take longer in all; what
is not written is replayed by the next start.
"""


class CommitsOnTheWay:
    """The commits of a worker that are not known to be written, by partition."""

    def __init__(self, stats: WorkerStats) -> None:
        """How they end is counted in `stats`."""
        self._stats = stats
        self._writing: dict[int, asyncio.Task[None]] = {}

    def begin(self, consumer: Consumer, partition: int, commit: Commit, done: Callable[[], None]) -> None:
        """Begin to write a commit; the one before must have ended. `done` is called once it is written."""
        self._writing[partition] = asyncio.create_task(self._write(consumer, partition, commit, done))

    async def _write(self, consumer: Consumer, partition: int, commit: Commit, done: Callable[[], None]) -> None:
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        await consumer.commit(partition, commit)
        self._stats.commits.add(now_s() - began_s)
        done()

    def partitions(self, *, ended: bool = False) -> list[int]:
        """Return the partitions with a commit on its way; with `ended`, those whose outcome is known."""
        return [partition for partition, task in self._writing.items() if task.done() or not ended]

    async def failure(self, partition: int) -> str:
        """Wait for the commit of a partition, forget it, and return why it failed; an empty text if it did not, or there is none.

        Raises CancelledError if its outcome is not known, and what cannot be repaired by reading the log again. A caller that is
        cancelled meanwhile gets the outcome, and the cancellation at its next await.
        """
        task = self._writing.pop(partition, None)
        try:
            if task:
                await _finish(task)
        except Fenced as fenced:
            self._stats.fencings += 1
            return f"fenced: {fenced}"
        except Unavailable as unavailable:
            self._stats.failed_commits += 1
            return f"commit failed: {unavailable}"
        return ""

    async def unanswered(self) -> list[int]:
        """Wait for a while for all commits, before a stop; return the partitions of those that still have no outcome."""
        if self._writing:
            await asyncio.wait(self._writing.values(), timeout=_COMMIT_S)
        return [partition for partition, task in self._writing.items() if not task.done()]

    async def abandon(self) -> None:
        """Give up all commits: it will be known from the log which were written."""
        writing = list(self._writing.values())
        self._writing.clear()
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)


async def _finish(writing: "asyncio.Future[None]") -> None:
    """Await a commit that is written. If the caller is cancelled meanwhile, wait for the commit to end; then the cancellation
    takes effect at the caller's next await. Raises what the commit raises, and CancelledError if its outcome is not known.
    """
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        if not writing.cancelled():
            await asyncio.wait([writing], timeout=_COMMIT_S)
        caller = asyncio.current_task()
        if not writing.done() or writing.cancelled() or caller is None:
            raise
        caller.uncancel()
        caller.cancel()
        writing.result()


async def write_snapshots(shards: Mapping[int, Shard], commit: Callable[[int, Commit], Awaitable[bool]]) -> None:
    """Write the snapshots that lack records; `commit` returns whether it succeeded. A shard that is restoring is left out."""
    with suppress(TimeoutError):
        for partition, shard in list(shards.items()):
            is_written = True
            while is_written and not shard.restoring and (last := shard.last_snapshots()):
                async with asyncio.timeout(_SNAPSHOTS_S):
                    is_written = await commit(partition, last)
