"""A stop in good order: the present commit ends, and all snapshots are written, so that a restart replays nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from volcast.log.contract import Commit

from .shard import Shard

COMMIT_S = 5.0
"""How long a stop waits for the commit that is being written."""
_SNAPSHOTS_S = 5.0
"""How long a stop writes snapshots. What is not written by then is replayed by the next start."""


async def finish(writing: "asyncio.Future[None]") -> None:
    """Await a commit that is written. If the caller is cancelled meanwhile, wait for the commit to end; then the cancellation
    takes effect at the caller's next await. Raises what the commit raises, and CancelledError if its outcome is not known.
    """
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        if not writing.cancelled():
            await asyncio.wait([writing], timeout=COMMIT_S)
        caller = asyncio.current_task()
        if not writing.done() or writing.cancelled() or caller is None:
            raise
        caller.uncancel()
        caller.cancel()
        writing.result()


async def write_snapshots(shards: Mapping[int, Shard], commit: Callable[[int, Commit], Awaitable[bool]]) -> None:
    """Write the snapshots that lack records; `commit` returns whether it succeeded. A shard that is restoring is left out."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SNAPSHOTS_S):
            for partition, shard in list(shards.items()):
                while not shard.restoring and (last := shard.last_snapshots()) and await commit(partition, last):
                    pass
