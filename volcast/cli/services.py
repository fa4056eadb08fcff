"""Services of one process on one event loop: they run until the first of them ends or the process is asked to stop."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def first_to_end(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Run all of them until the first one returns or raises; then cancel the others and wait for them.

    An error is raised as it is, several in one group; one that is raised during the cancellation counts as well.
    """
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    errors = [error for task in tasks if not task.cancelled() and (error := task.exception())]
    if len(errors) > 1:
        raise BaseExceptionGroup("services failed", errors)
    if errors:
        raise errors[0]


async def run_services(*services: Coroutine[Any, Any, None], until: Coroutine[Any, Any, None] | None = None) -> bool:
    """Run all services until SIGTERM or SIGINT arrives, `until` returns, or one of them ends; return whether it was a signal.

    The others are cancelled and waited for. Raises what a service raised, in a group where several did. A second signal is
    handled by the default handler, so it ends the process at once: every part of the system can be killed.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_without_interrupts)
    stop = asyncio.Event()

    def on_signal() -> None:
        stop.set()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        await first_to_end(stop.wait(), *([until] if until else []), *services)
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
    return stop.is_set()


def _without_interrupts(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio has to log, but no traceback of a task in which a second Ctrl-C has struck: that is no defect."""
    if not isinstance(context.get("exception"), KeyboardInterrupt):
        loop.default_exception_handler(context)
