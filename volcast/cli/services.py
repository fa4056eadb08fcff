"""A process that runs services on one event loop until it is told to stop, or its task is done, or one of them fails."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run_services(*services: Coroutine[Any, Any, None], until: Coroutine[Any, Any, None] | None = None) -> bool:
    """Run all until SIGTERM or SIGINT comes, `until` returns, or one ends; then cancel the others, and wait for them.

    -> whether it was a signal that ended it. Raises what a service raised, in a group where several did. A second signal ends the
    process the hard way: every part of it can be killed.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal() -> None:
        stop.set()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)
    ends = [stop.wait(), *([until] if until else []), *services]
    tasks = [asyncio.ensure_future(end) for end in ends]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
    errors = [error for task in tasks if not task.cancelled() and (error := task.exception())]
    if len(errors) > 1:
        raise BaseExceptionGroup("services failed", errors)
    if errors:
        raise errors[0]
    return stop.is_set()
